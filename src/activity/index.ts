import * as v from 'valibot';
import {
  CoreEvent,
  Id,
  JournalPage,
  type Language,
  MAX_JOURNAL_ENTRIES,
  OperationList,
  Operation as OperationSchema,
  PATHS,
  StateList,
} from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Feature } from '../kernel/feature.ts';
import { EventStream } from '../kernel/http/event-stream.ts';
import type { Credentials, Principal } from '../kernel/http/principal.ts';
import { jsonRoute, type Route, socketRoute, streamRoute } from '../kernel/http/route.ts';
import { type Entry, type Journal, wordEntry } from '../kernel/journal.ts';
import type { Log } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import type { Revisions } from '../kernel/revisions.ts';
import type { State } from '../kernel/state.ts';
import { chooseLanguage } from '../kernel/texts.ts';
import { Feed } from './feed.ts';
import { followAll } from './follow.ts';
import { keepHistory } from './history.ts';
import { inLanguage, type ToldEvents, tellOf } from './tell.ts';
import { showOperations } from './under-way.ts';

/** What clients are told of as it happens. */
export interface ActivityEvents extends ToldEvents {
  access_ended: Pick<Principal, 'kind' | 'id'>;
  language_changed: Record<never, never>;
  happened: Entry;
}

interface ActivityOptions {
  readonly operations: Operations;
  readonly journal: Journal;
  readonly state: State;
  readonly revisions: Revisions;
  readonly bus: Bus<ActivityEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly instanceId: string;
  /** In which language those are told who cannot be asked. */
  readonly language: () => Language;
}

const OperationParams = v.object({ operation_id: Id });

const number = (low: number, high: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d{1,16}$/, 'a whole number'),
    v.transform(Number),
    v.minValue(low),
    v.maxValue(high),
  );

const JournalQuery = v.object({
  /** Entries before that one. */
  before: v.optional(number(0, Number.MAX_SAFE_INTEGER)),
  limit: v.optional(number(1, MAX_JOURNAL_ENTRIES)),
});

const PAGE_ENTRIES = 50;

const EventsQuery = v.object({
  /** With the documents of the state. */
  documents: v.optional(v.picklist(['true', 'false'])),
  /** As the header `Last-Event-ID`, for those who cannot send one. */
  last_event_id: v.optional(number(0, Number.MAX_SAFE_INTEGER)),
});

const languageOf = ({ header }: Pick<Credentials, 'header'>) => chooseLanguage(header('accept-language'));

function historyRoutes({ operations, journal }: Pick<ActivityOptions, 'operations' | 'journal'>): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.operations,
      summary: 'List running and past operations, newest first',
      response: OperationList,
      handle: async (call) => {
        const language = languageOf(call);
        return { operations: (await operations.list()).map((one) => inLanguage(one, language)) };
      },
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.operation,
      summary: 'Read an operation',
      params: OperationParams,
      response: OperationSchema,
      handle: async (call) => inLanguage(await operations.get(call.params.operation_id), languageOf(call)),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.operation_cancel,
      summary: 'Cancel a running operation',
      params: OperationParams,
      handle: ({ params }) => operations.cancel(params.operation_id),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.journal,
      summary: 'Read what happened, newest first',
      query: JournalQuery,
      response: JournalPage,
      handle: async (call) => {
        const { before, limit = PAGE_ENTRIES } = call.query;
        // one more tells whether there is more
        const found = await journal.list({ before, limit: limit + 1 });
        const entries = found.slice(0, limit);
        return {
          entries: entries.map((entry) => wordEntry(entry, languageOf(call))),
          next: found.length > limit ? (entries.at(-1)?.id ?? null) : null,
        };
      },
    }),
  ];
}

/** What happens and what happened: operations, the journal, the state, and the stream of events. */
export function createActivity(options: ActivityOptions): Feature {
  const { state, bus, revisions } = options;
  const feed = new Feed(revisions);
  const follow = { feed, state, bus, instanceId: options.instanceId };
  let ends: (() => void)[] = [];
  return {
    name: 'activity',
    routes: [
      ...historyRoutes(options),
      jsonRoute({
        method: 'GET',
        path: PATHS.state,
        summary: 'Read how everything stands: the documents that programs of others may follow',
        response: StateList,
        handle: async () => ({
          documents: Object.fromEntries(
            state.all().map(({ name, text }) => [name, JSON.parse(text) as Record<string, unknown>]),
          ),
        }),
      }),
      streamRoute({
        method: 'GET',
        path: PATHS.events,
        summary: 'Follow what happens, as server-sent events',
        query: EventsQuery,
        streams: 'out',
        contentType: 'text/event-stream',
        response: CoreEvent,
        handle: async (call, request, response) => {
          const stream = new EventStream<CoreEvent>(response);
          const { documents, last_event_id: asked } = call.query;
          await followAll(follow, {
            principal: call.principal,
            language: languageOf(call),
            documents: documents === 'true',
            lastHeard: asked ?? heardBefore(call),
            // whoever asks for the head only is not told what happens
            signal: request.method === 'HEAD' ? AbortSignal.abort() : call.signal,
            send: (event) => stream.send(event, event.id),
          });
          stream.end();
        },
      }),
      socketRoute({
        path: PATHS.events_socket,
        summary: 'Follow what happens, on a websocket',
        query: EventsQuery,
        message: CoreEvent,
        handle: (call, socket) =>
          followAll(follow, {
            principal: call.principal,
            language: languageOf(call),
            documents: call.query.documents === 'true',
            lastHeard: call.query.last_event_id ?? heardBefore(call),
            signal: call.signal,
            send: (event) => socket.send(JSON.stringify(event)),
          }),
      }),
    ],
    start: async () => {
      if (ends.length > 0) return;
      ends = [tellOf({ ...options, feed }), showOperations(options), keepHistory(options)];
    },
    stop: async () => {
      for (const end of ends.splice(0)) end();
    },
  };
}

/** What a browser says when it comes back (WHATWG HTML, "The `Last-Event-ID` header"); what is none of ours is nothing. */
function heardBefore({ header }: Pick<Credentials, 'header'>): number | undefined {
  const said = header('last-event-id');
  return said !== undefined && /^\d{1,16}$/.test(said) ? Number(said) : undefined;
}
