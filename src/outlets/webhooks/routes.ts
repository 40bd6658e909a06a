import * as v from 'valibot';
import {
  type Delivery,
  Id,
  type Language,
  PATHS,
  WEBHOOK_KINDS,
  Webhook,
  WebhookInput,
  WebhookList,
  WebhookPatch,
  WebhookSecret,
} from '../../contract/index.ts';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { jsonRoute, type Route } from '../../kernel/http/route.ts';
import { deliveryProblem, type Message, moment, type Outbox } from '../../kernel/outbox.ts';
import { chooseLanguage, wordProblem } from '../../kernel/texts.ts';
import type { WebhookStore } from './store.ts';

interface WebhookRoutesOptions {
  readonly store: WebhookStore;
  readonly outbox: Outbox;
  /** Sends a message for a try. @throws Problem why it did not arrive */
  readonly test: (id: string, signal: AbortSignal) => Promise<void>;
  /** What a message says. */
  readonly title: (message: Message) => string;
  /** Who is told has changed; the one of this id is there, and may be reached by now. */
  readonly changed: (id?: string) => void;
}

/** A fault of what a person is just entering is a fault of the input. */
const INPUT_STATUS = 422;

/** As many as a person looks through. */
const SHOWN_DELIVERIES = 10;

const WebhookParams = v.object({ webhook_id: Id });

/** Who is told, as the settings page shows and changes it. */
export function webhookRoutes({ store, outbox, test, title, changed }: WebhookRoutesOptions): Route[] {
  const delivery = (message: Message, language: Language): Delivery => {
    const { id, state, attempts, created_at, next_at, ended_at } = message;
    const problem = deliveryProblem(message);
    return {
      ...{ id, state, attempts, title: title(message), created_at: moment(created_at) ?? '' },
      next_at: state === 'waiting' && attempts > 0 ? moment(next_at) : null,
      ended_at: moment(ended_at),
      problem: problem ? wordProblem(problem, language) : null,
    };
  };
  const hostOf = (id: string): { host: string; has_token: boolean; lost: Problem | undefined } => {
    try {
      const { url, token } = store.require(id);
      return { host: new URL(url).host, has_token: token !== '', lost: undefined };
    } catch (error) {
      if (!isProblem(error, 'webhook_lost')) throw error;
      return { host: '', has_token: false, lost: error };
    }
  };
  const present = async (id: string, language: Language): Promise<Webhook> => {
    const kept = store.all.find((one) => one.id === id);
    if (!kept) throw new Problem('webhook_not_found');
    const { name, kind, severity, topics, enabled } = kept;
    const { lost, ...shown } = hostOf(id);
    const messages = await outbox.list(id, SHOWN_DELIVERIES);
    const oldest = await outbox.oldest(id);
    const problem = lost ?? (oldest && deliveryProblem(oldest));
    return {
      ...{ id, name, kind, severity, topics: [...topics], enabled, ...shown },
      waiting: await outbox.waiting(id),
      problem: problem ? wordProblem(problem, language) : null,
      deliveries: messages.map((message) => delivery(message, language)),
    };
  };
  const languageOf = ({ header }: { readonly header: (name: string) => string | undefined }) =>
    chooseLanguage(header('accept-language'));
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.webhooks,
      summary: 'List who is told of what happens, and how that goes',
      response: WebhookList,
      handle: async (call) => ({
        webhooks: await Promise.all(store.all.map(({ id }) => present(id, languageOf(call)))),
      }),
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.webhooks,
      summary: 'Tell somebody else, too',
      access: 'person',
      body: WebhookInput,
      response: Webhook,
      status: 201,
      handle: async (call) => {
        const id = await store.add(call.body);
        changed(id);
        return present(id, languageOf(call));
      },
    }),
    jsonRoute({
      method: 'PATCH',
      path: PATHS.webhook,
      summary: 'Change who is told and of what; what is absent stays',
      access: 'person',
      params: WebhookParams,
      body: WebhookPatch,
      response: Webhook,
      handle: async (call) => {
        await store.change(call.params.webhook_id, call.body);
        changed(call.params.webhook_id);
        return present(call.params.webhook_id, languageOf(call));
      },
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.webhook,
      summary: 'Tell somebody no more; what waits for them goes',
      access: 'person',
      params: WebhookParams,
      handle: async ({ params }) => {
        await store.remove(params.webhook_id);
        await outbox.drop(params.webhook_id);
        changed();
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.webhook_test,
      summary: 'Send a message for a try, at once',
      access: 'person',
      params: WebhookParams,
      handle: async ({ params, signal }) => {
        try {
          await test(params.webhook_id, signal);
        } catch (error) {
          if (isProblem(error, 'webhook_not_found')) throw error;
          throw isProblem(error) ? error.withStatus(INPUT_STATUS) : error;
        }
      },
    }),
    jsonRoute({
      method: 'POST',
      path: PATHS.webhook_secret,
      summary: 'Show with which secret messages are signed, for the receiver',
      access: 'person',
      params: WebhookParams,
      response: WebhookSecret,
      handle: async ({ params }) => {
        const { kind, secret } = store.require(params.webhook_id);
        if (!WEBHOOK_KINDS[kind].signed) throw new Problem('not_found');
        return { secret };
      },
    }),
  ];
}
