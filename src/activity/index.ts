import * as v from 'valibot';
import {
  CoreEvent,
  Id,
  type Language,
  type Operation,
  OperationList,
  Operation as OperationSchema,
  PATHS,
} from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Feature } from '../kernel/feature.ts';
import { EventStream } from '../kernel/http/event-stream.ts';
import { type Principal, samePrincipal } from '../kernel/http/principal.ts';
import { jsonRoute, streamRoute } from '../kernel/http/route.ts';
import { reword } from '../kernel/kept-problem.ts';
import type { Operations } from '../kernel/operations.ts';
import { chooseLanguage } from '../kernel/texts.ts';

/** What clients are told of as it happens. */
export interface ActivityEvents {
  operation: Operation;
  targets_changed: Record<never, never>;
  backups_changed: { targetId: string };
  tokens_changed: Record<never, never>;
  settings_changed: Record<never, never>;
  home_assistant_changed: Record<never, never>;
  mqtt_changed: Record<never, never>;
  overview_changed: Record<never, never>;
  recovery_key_changed: Record<never, never>;
  access_ended: Pick<Principal, 'kind' | 'id'>;
}

interface ActivityOptions {
  readonly operations: Operations;
  readonly bus: Bus<ActivityEvents>;
  readonly instanceId: string;
}

const OperationParams = v.object({ operation_id: Id });

/** An operation whose problem is worded for whoever reads it. */
function inLanguage(operation: Operation, language: Language): Operation {
  return { ...operation, problem: operation.problem && reword(operation.problem, language) };
}

function follow(bus: Bus<ActivityEvents>, language: Language, send: (event: CoreEvent) => void): () => void {
  const subscriptions = [
    bus.on('operation', (operation) =>
      send({ event: 'operation_changed', operation: inLanguage(operation, language) }),
    ),
    bus.on('targets_changed', () => send({ event: 'targets_changed' })),
    bus.on('backups_changed', ({ targetId }) => send({ event: 'backups_changed', target_id: targetId })),
    bus.on('tokens_changed', () => send({ event: 'tokens_changed' })),
    bus.on('settings_changed', () => send({ event: 'settings_changed' })),
    bus.on('home_assistant_changed', () => send({ event: 'home_assistant_changed' })),
    bus.on('mqtt_changed', () => send({ event: 'mqtt_changed' })),
    bus.on('overview_changed', () => send({ event: 'overview_changed' })),
    bus.on('recovery_key_changed', () => send({ event: 'recovery_key_changed' })),
  ];
  return () => {
    for (const end of subscriptions) end();
  };
}

/** What happens and what happened: operations, and the stream of events. */
export function createActivity({ operations, bus, instanceId }: ActivityOptions): Feature {
  return {
    name: 'activity',
    routes: [
      jsonRoute({
        method: 'GET',
        path: PATHS.operations,
        summary: 'List running and past operations, newest first',
        response: OperationList,
        handle: async ({ header }) => {
          const language = chooseLanguage(header('accept-language'));
          return { operations: (await operations.list()).map((one) => inLanguage(one, language)) };
        },
      }),
      jsonRoute({
        method: 'GET',
        path: PATHS.operation,
        summary: 'Read an operation',
        params: OperationParams,
        response: OperationSchema,
        handle: async ({ params, header }) =>
          inLanguage(await operations.get(params.operation_id), chooseLanguage(header('accept-language'))),
      }),
      jsonRoute({
        method: 'POST',
        path: PATHS.operation_cancel,
        summary: 'Cancel a running operation',
        params: OperationParams,
        handle: ({ params }) => operations.cancel(params.operation_id),
      }),
      streamRoute({
        method: 'GET',
        path: PATHS.events,
        summary: 'Follow what happens, as server-sent events',
        streams: 'out',
        contentType: 'text/event-stream',
        response: CoreEvent,
        handle: ({ header, signal, principal }, request, response) =>
          new Promise((resolve) => {
            const stream = new EventStream<CoreEvent>(response);
            stream.send({ event: 'hello', instance_id: instanceId });
            const language = chooseLanguage(header('accept-language'));
            const unfollow = follow(bus, language, (event) => stream.send(event));
            const unrevoke = bus.on('access_ended', (ended) => {
              if (samePrincipal(ended, principal)) close();
            });
            const close = () => {
              unfollow();
              unrevoke();
              if (!response.destroyed) stream.send({ event: 'goodbye' });
              stream.end();
              resolve();
            };
            // whoever asks for the head only is not told what happens
            if (signal.aborted || request.method === 'HEAD') close();
            else signal.addEventListener('abort', close, { once: true });
          }),
      }),
    ],
  };
}
