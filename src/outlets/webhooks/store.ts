import * as v from 'valibot';
import {
  HAPPENING_TOPICS,
  Id,
  MAX_WEBHOOKS,
  SEVERITIES,
  WEBHOOK_KINDS,
  type WebhookInput,
  type WebhookKind,
  type WebhookPatch,
} from '../../contract/index.ts';
import { Problem } from '../../kernel/errors.ts';
import { newId } from '../../kernel/ids.ts';
import type { Log } from '../../kernel/log.ts';
import { SealError, type Secrets } from '../../kernel/secrets.ts';
import type { Settings } from '../../kernel/settings.ts';
import { makeSecret } from './sign.ts';

const NAME = 'webhooks';
const PURPOSE = 'webhook';

/** What is secret: the address often is by itself. */
const Sealed = v.object({ url: v.string(), token: v.string(), secret: v.string() });

const Kept = v.array(
  v.object({
    id: Id,
    name: v.string(),
    kind: v.picklist(Object.keys(WEBHOOK_KINDS) as WebhookKind[]),
    severity: v.picklist(SEVERITIES),
    topics: v.array(v.picklist(HAPPENING_TOPICS)),
    enabled: v.boolean(),
    /** `Sealed` as sealed JSON. */
    sealed: v.string(),
  }),
);
type Row = v.InferOutput<typeof Kept>[number];

/** Somebody who is told, with all that is secret. */
export type KeptWebhook = Omit<Row, 'sealed'> & v.InferOutput<typeof Sealed>;

interface WebhookStoreOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly log: Log;
}

/** Who is told, as it is kept. Small and read all the time: one document, at hand. */
export class WebhookStore {
  readonly #options: WebhookStoreOptions;
  #rows: readonly Row[] = [];

  constructor(options: WebhookStoreOptions) {
    this.#options = options;
  }

  async load(): Promise<void> {
    this.#rows = (await this.#options.settings.read(NAME, Kept)) ?? [];
  }

  /** All of them, without what is secret. */
  get all(): readonly Omit<Row, 'sealed'>[] {
    return this.#rows;
  }

  /** One with its secrets; undefined where there is none of this id. @throws Problem `webhook_lost` when they cannot be read any more */
  get(id: string): KeptWebhook | undefined {
    const row = this.#rows.find((one) => one.id === id);
    if (!row) return undefined;
    const { sealed, ...rest } = row;
    return { ...rest, ...this.#unseal(sealed) };
  }

  /** @throws Problem `webhook_not_found` */
  require(id: string): KeptWebhook {
    const found = this.get(id);
    if (!found) throw new Problem('webhook_not_found');
    return found;
  }

  /** @throws Problem `webhook_token` where its kind needs a key; `too_many` */
  async add(input: WebhookInput, id = newId()): Promise<string> {
    if (this.#rows.length >= MAX_WEBHOOKS) {
      throw new Problem('too_many_webhooks', { params: { limit: String(MAX_WEBHOOKS) } });
    }
    const webhook = { ...input, token: input.token ?? '', id, secret: makeSecret() };
    await this.#write([...this.#rows, this.#seal(webhook)]);
    return id;
  }

  /** @throws Problem `webhook_not_found` */
  async change(id: string, patch: WebhookPatch): Promise<void> {
    const row = this.#rows.find((one) => one.id === id);
    if (!row) throw new Problem('webhook_not_found');
    const { url, token, ...open } = patch;
    const changed: Row = {
      ...row,
      name: open.name ?? row.name,
      severity: open.severity ?? row.severity,
      topics: open.topics ?? row.topics,
      enabled: open.enabled ?? row.enabled,
    };
    if (url === undefined && token === undefined) {
      await this.#put(changed);
      return;
    }
    // what cannot be read any more is replaced by what was entered
    const before = url === undefined ? this.require(id) : this.#readable(row);
    await this.#put(
      this.#seal({
        ...changed,
        url: url ?? before?.url ?? '',
        // never to another host: who changes the address could read it there
        token: token ?? (url === undefined || sameHost(url, before?.url) ? (before?.token ?? '') : ''),
        secret: before?.secret ?? makeSecret(),
      }),
    );
  }

  /** @throws Problem `webhook_not_found` */
  async remove(id: string): Promise<void> {
    if (!this.#rows.some((one) => one.id === id)) throw new Problem('webhook_not_found');
    await this.#write(this.#rows.filter((one) => one.id !== id));
  }

  #put(row: Row): Promise<void> {
    return this.#write(this.#rows.map((one) => (one.id === row.id ? row : one)));
  }

  async #write(rows: readonly Row[]): Promise<void> {
    await this.#options.settings.write(NAME, rows);
    this.#rows = rows;
  }

  #seal({ url, token, secret, ...open }: KeptWebhook): Row {
    const { kind } = open;
    if (WEBHOOK_KINDS[kind].token === 'required' && token === '') throw new Problem('webhook_token');
    this.#hide({ url, token, secret });
    const sealed = this.#options.secrets.seal(JSON.stringify({ url, token, secret }), PURPOSE);
    const { id, name, severity, topics, enabled } = open;
    return { id, name, kind, severity, topics: [...topics], enabled, sealed };
  }

  #unseal(sealed: string): v.InferOutput<typeof Sealed> {
    try {
      const open = v.parse(Sealed, JSON.parse(this.#options.secrets.unseal(sealed, PURPOSE)));
      this.#hide(open);
      return open;
    } catch (cause) {
      if (cause instanceof SealError) throw new Problem('webhook_lost', { cause });
      throw cause;
    }
  }

  #readable(row: Row): KeptWebhook | undefined {
    try {
      const { sealed, ...rest } = row;
      return { ...rest, ...this.#unseal(sealed) };
    } catch {
      return undefined;
    }
  }

  /** Of an address the path is what nobody may read; the host stands in our messages. */
  #hide({ url, token, secret }: v.InferOutput<typeof Sealed>): void {
    const { log } = this.#options;
    const { pathname, search } = new URL(url);
    for (const text of [pathname, search, token, secret]) log.redact(text);
  }
}

const sameHost = (one: string, other: string | undefined): boolean =>
  other !== undefined && new URL(one).host === new URL(other).host;
