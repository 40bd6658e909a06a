import * as v from 'valibot';
import { Happening, type Language } from '../../contract/index.ts';
import type { Bus } from '../../kernel/bus.ts';
import { type Clock, timestamp } from '../../kernel/clock.ts';
import type { Tables } from '../../kernel/database.ts';
import { Problem } from '../../kernel/errors.ts';
import type { Feature } from '../../kernel/feature.ts';
import { newId } from '../../kernel/ids.ts';
import { type Entry, type Journal, wordEntry } from '../../kernel/journal.ts';
import type { Log } from '../../kernel/log.ts';
import { deliveryProblem, type Message, Outbox } from '../../kernel/outbox.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import type { Settings } from '../../kernel/settings.ts';
import { wordHappening } from '../../kernel/texts.ts';
import { webhookRoutes } from './routes.ts';
import { decide, isWanted } from './rules.ts';
import { send } from './send.ts';
import { WebhookStore } from './store.ts';

/** What others must hear: who is told, or how that goes, has changed. */
export interface WebhookEvents {
  webhooks_changed: Record<never, never>;
}

interface WebhooksOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly tables: Tables;
  readonly journal: Journal;
  readonly bus: Bus<WebhookEvents & { happened: Entry }>;
  readonly clock: Clock;
  readonly log: Log;
  /** What the box is called. */
  readonly home: () => string;
  readonly language: () => Language;
  /** From 0 to 1, so that many do not knock in step; tests bring their own. */
  readonly random?: () => number;
}

/** Somebody who is not reached. */
export interface Unreached {
  readonly name: string;
  readonly problem: Problem;
}

/** The outlet, with what the rest of the core wants of it. */
interface WebhooksFeature extends Feature {
  /** Who has not been reached again and again; undefined where everybody is. */
  unreached(): Promise<Unreached | undefined>;
}

/** What lies in the outbox: worded when it happened. */
const Payload = v.object({ happening: Happening, count: v.number() });
type Payload = v.InferOutput<typeof Payload>;

/** A short outage is nobody's business; after so many attempts it is some minutes. */
const UNREACHED_ATTEMPTS = 5;

/** Outlets whose receivers will never take a message, however often it is sent. */
const FINAL: readonly string[] = ['webhook_rejected', 'webhook_gone'];

const read = (message: Message): Payload => v.parse(Payload, JSON.parse(message.payload));

/** Tells others of what happens, over HTTP: kept until it has arrived. */
export function createWebhooks(options: WebhooksOptions): WebhooksFeature {
  const { journal, bus, clock, language, home } = options;
  const log = options.log.child('webhooks');
  const store = new WebhookStore({ ...options, log });
  const changed = () => bus.emit('webhooks_changed', {});
  const outbox = new Outbox({
    ...options,
    log,
    random: options.random ?? Math.random,
    onChange: changed,
    isFinal: ({ code }) => FINAL.includes(code),
    deliver: async (message, signal) => {
      const webhook = store.get(message.destination);
      if (!webhook?.enabled) throw new Problem('webhook_gone');
      await send({ id: message.id, home: home(), ...read(message) }, webhook, { clock, signal });
    },
  });

  /** Puts what happened into the outbox of one who wants to hear of it. */
  const enqueue = async (entry: Entry, destination: string, tables: Tables) => {
    const matter = entry.problem ?? null;
    const newest = matter === null ? undefined : await outbox.newest(destination, matter, tables);
    const isEnd = newest !== undefined && read(newest).happening.code === 'problem_over';
    const what = decide(entry, newest && { ...newest, isEnd });
    if (what === 'nothing') return;
    const count = matter === null ? 1 : await journal.timesOf(matter, tables, entry.id);
    const payload = JSON.stringify({ happening: wordEntry(entry, language()), count } satisfies Payload);
    if (what === 'add' && newest) await outbox.replace(newest.id, payload, tables);
    else await outbox.put({ destination, matter, payload }, tables);
  };

  const test = async (id: string, signal: AbortSignal) => {
    const words = wordHappening('test', {}, language());
    const happening: Happening = {
      ...{ id: 0, at: timestamp(clock.now()), code: 'test', about: 'box', severity: 'info', ...words },
      ...{ target_id: null, backup_id: null, problem_id: null },
    };
    await send({ id: newId(), happening, count: 1, home: home() }, store.require(id), { clock, signal });
  };

  let ends: (() => void)[] = [];
  return {
    name: 'webhooks',
    routes: webhookRoutes({
      store,
      outbox,
      test,
      title: (message) => read(message).happening.title,
      changed: (id) => {
        changed();
        // whoever was just mended need not wait for the next attempt
        if (id !== undefined) outbox.wake(id);
      },
    }),
    unreached: async () => {
      for (const { id, name, enabled } of store.all) {
        const waiting = enabled ? await outbox.oldest(id) : undefined;
        const problem = waiting && deliveryProblem(waiting);
        if (waiting && problem && waiting.attempts >= UNREACHED_ATTEMPTS) return { name, problem };
      }
      return undefined;
    },
    start: async () => {
      if (ends.length > 0) return;
      await store.load();
      ends = [
        journal.onNote(async (entry, tables) => {
          for (const webhook of store.all) {
            if (isWanted(webhook, entry)) await enqueue(entry, webhook.id, tables);
          }
        }),
        bus.on('happened', () => {
          for (const { id } of store.all) outbox.wake(id, { hurry: false });
          changed();
        }),
      ];
      await outbox.start();
    },
    stop: async () => {
      for (const end of ends.splice(0)) end();
      await outbox.stop();
    },
  };
}
