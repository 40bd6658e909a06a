import type { CoreEvent, Language, Operation } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { reword } from '../kernel/kept-problem.ts';
import type { Log } from '../kernel/log.ts';
import type { State } from '../kernel/state.ts';
import { Throttle } from '../kernel/throttle.ts';
import type { Feed } from './feed.ts';

/** What happens in the core and is told as it is. */
const PLAIN = [
  'targets_changed',
  'tokens_changed',
  'settings_changed',
  'home_assistant_changed',
  'mqtt_changed',
  'overview_changed',
  'recovery_key_changed',
  'journal_changed',
  'webhooks_changed',
  'devices_changed',
] as const;

type Plain = (typeof PLAIN)[number];

/** What clients are told of as it happens. */
export interface ToldEvents extends Record<Plain, Record<never, never>> {
  operation: Operation;
  backups_changed: { targetId: string };
}

interface TellOptions {
  readonly feed: Feed;
  readonly bus: Bus<ToldEvents>;
  readonly state: State;
  readonly clock: Clock;
  readonly log: Log;
}

/** Of one document nobody is told more often (milliseconds). */
const DOCUMENT_INTERVAL_MS = 1_000;

/** An operation whose problem is worded for whoever reads it. */
export function inLanguage(operation: Operation, language: Language): Operation {
  return { ...operation, problem: operation.problem && reword(operation.problem, language) };
}

/** Tells the feed of all that happens; the returned function ends it. */
export function tellOf({ feed, bus, state, clock, log }: TellOptions): () => void {
  const documents = new Throttle({
    clock,
    intervalMs: DOCUMENT_INTERVAL_MS,
    run: async (name) => {
      feed.tell(`state ${name}`, () => stateEvent(state, name));
      return undefined;
    },
    onError: (error) => log.error('telling of a document met a defect', { error }),
  });
  const ends = [
    ...PLAIN.map((event) => bus.on(event, () => feed.tell(event, () => ({ event })))),
    bus.on('backups_changed', ({ targetId }) =>
      feed.tell(`backups_changed ${targetId}`, () => ({ event: 'backups_changed', target_id: targetId })),
    ),
    bus.on('operation', (operation) =>
      feed.tell(`operation ${operation.id}`, (language) => ({
        event: 'operation_changed',
        operation: inLanguage(operation, language),
      })),
    ),
    state.watch((name) => documents.touch(name)),
    () => documents.stop(),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** How a document is at this moment. */
export function stateEvent(state: State, name: string): CoreEvent {
  const document = state.get(name);
  return {
    event: 'state_changed',
    name,
    document: document ? (JSON.parse(document.text) as Record<string, unknown>) : null,
  };
}
