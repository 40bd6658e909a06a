import * as v from 'valibot';
import { Id, MAX_TEXT, Name, Timestamp } from './common.ts';
import { HAPPENING_TOPICS } from './journal.ts';
import { SEVERITIES } from './overview.ts';
import { ProblemDocument } from './problems.ts';

interface WebhookKindDescription {
  /** Whether it has a key that is sent in a header. */
  readonly token: 'none' | 'optional' | 'required';
  /** Whether messages are signed (Standard Webhooks), so that the receiver can tell that they are ours. */
  readonly signed: boolean;
}

/** Who can be told, and what each needs. What is sent stands in `outlets/webhooks/templates/`. */
export const WEBHOOK_KINDS = {
  generic: { token: 'optional', signed: true },
  home_assistant: { token: 'none', signed: false },
  discord: { token: 'none', signed: false },
  slack: { token: 'none', signed: false },
  ntfy: { token: 'optional', signed: false },
  gotify: { token: 'required', signed: false },
} as const satisfies Record<string, WebhookKindDescription>;
export type WebhookKind = keyof typeof WEBHOOK_KINDS;

const KINDS = Object.keys(WEBHOOK_KINDS) as WebhookKind[];

const Address = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(2 * MAX_TEXT),
  v.check((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  }, 'an address that begins with http:// or https://, without user and password'),
);

const entries = {
  name: Name,
  kind: v.picklist(KINDS),
  /** Often a secret by itself: it is sealed, and of what is kept only the host is shown. */
  url: Address,
  token: v.optional(v.pipe(v.string(), v.trim(), v.maxLength(MAX_TEXT))),
  /** What is less urgent is not sent. The end of a problem goes to whoever heard of its beginning. */
  severity: v.optional(v.picklist(SEVERITIES), 'error'),
  /** What it is to be about; empty is everything. */
  topics: v.optional(v.pipe(v.array(v.picklist(HAPPENING_TOPICS)), v.maxLength(HAPPENING_TOPICS.length)), []),
  enabled: v.optional(v.boolean(), true),
};

/** Whom to tell of what. */
export const WebhookInput = v.object(entries);
export type WebhookInput = v.InferOutput<typeof WebhookInput>;

/** A change: what is absent stays, the address and the key too. */
export const WebhookPatch = v.partial(
  v.object({
    name: entries.name,
    url: entries.url,
    token: entries.token,
    severity: v.picklist(SEVERITIES),
    topics: v.pipe(v.array(v.picklist(HAPPENING_TOPICS)), v.maxLength(HAPPENING_TOPICS.length)),
    enabled: v.boolean(),
  }),
);
export type WebhookPatch = v.InferOutput<typeof WebhookPatch>;

/** A message on its way, or at its end. */
export const Delivery = v.object({
  id: Id,
  title: v.string(),
  state: v.picklist(['waiting', 'delivered', 'failed']),
  attempts: v.pipe(v.number(), v.integer()),
  created_at: Timestamp,
  /** When it is tried again; null where it is not. */
  next_at: v.nullable(Timestamp),
  ended_at: v.nullable(Timestamp),
  /** What the newest attempt met. */
  problem: v.nullable(ProblemDocument),
});
export type Delivery = v.InferOutput<typeof Delivery>;

/** Somebody who is told, without what is secret. */
export const Webhook = v.object({
  id: Id,
  name: v.string(),
  kind: v.picklist(KINDS),
  host: v.string(),
  has_token: v.boolean(),
  severity: v.picklist(SEVERITIES),
  topics: v.array(v.picklist(HAPPENING_TOPICS)),
  enabled: v.boolean(),
  /** How many messages wait. */
  waiting: v.pipe(v.number(), v.integer()),
  /** Why they wait. */
  problem: v.nullable(ProblemDocument),
  /** The newest messages, newest first. */
  deliveries: v.array(Delivery),
});
export type Webhook = v.InferOutput<typeof Webhook>;

/** All who are told. */
export const WebhookList = v.object({ webhooks: v.array(Webhook) });
export type WebhookList = v.InferOutput<typeof WebhookList>;

/** With which messages are signed, for a person who sets up the receiver (Standard Webhooks: `whsec_` and base64). */
export const WebhookSecret = v.object({ secret: v.string() });

/** More help nobody, and each is asked about every happening. */
export const MAX_WEBHOOKS = 20;
