import * as v from 'valibot';
import type { Clock } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';

/** The Supervisor of Home Assistant, and what it knows us by. */
export interface SupervisorAccess {
  readonly url: string;
  readonly token: string;
}

interface SupervisorOptions extends SupervisorAccess {
  readonly clock: Clock;
}

interface SupervisorRequest {
  readonly method?: 'GET' | 'POST';
  readonly path: string;
  readonly body?: object;
  readonly signal: AbortSignal;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** The answers are small and the way is short; a Supervisor that is busy for longer is away (milliseconds). */
const PATIENCE_MS = 10_000;

/** What the Supervisor answers where nobody provides a service. */
const NOT_PROVIDED = 400;

/** What it answers in place of a Home Assistant that does not run. */
const NOT_RUNNING = 502;

const Self = v.object({ slug: v.string(), hostname: v.string() });

/** A broker that another app provides. */
const MqttService = v.object({
  host: v.string(),
  port: v.number(),
  ssl: v.optional(v.boolean(), false),
  username: v.optional(v.string(), ''),
  password: v.optional(v.string(), ''),
});

/** What we ask the Supervisor for, as an app without any rights of its own. */
export class Supervisor {
  readonly #options: SupervisorOptions;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Who we are to it: `hostname` is where Home Assistant and other apps reach us. */
  async self(signal: AbortSignal): Promise<v.InferOutput<typeof Self>> {
    return this.#read(await this.#send({ path: '/addons/self/info', signal }), Self);
  }

  /** The broker of Home Assistant; undefined where there is none. */
  async mqtt(signal: AbortSignal): Promise<v.InferOutput<typeof MqttService> | undefined> {
    const response = await this.#send({ path: '/services/mqtt', signal });
    return response.status === NOT_PROVIDED ? undefined : this.#read(response, MqttService);
  }

  /** Whether a running Home Assistant has this integration; undefined where that is not to be known. */
  async hasIntegration(domain: string, signal: AbortSignal): Promise<boolean | undefined> {
    const path = '/core/api/config/config_entries/flow_handlers';
    const { status, text } = await this.#send({ path, signal });
    if (status === NOT_RUNNING) return false;
    if (status !== 200) return undefined;
    const domains = v.safeParse(v.array(v.string()), parseJson(text));
    return domains.success ? domains.output.includes(domain) : undefined;
  }

  /** Leaves a message for the integration of this name; the same one again is no news to it. */
  async announce(
    service: string,
    config: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<void> {
    const body = { service, config };
    this.#read(await this.#send({ method: 'POST', path: '/discovery', body, signal }), v.unknown());
  }

  /** @throws Problem `supervisor_away` */
  async #send({ method = 'GET', path, body, signal }: SupervisorRequest): Promise<Answer> {
    const { url, token, clock } = this.#options;
    const done = new AbortController();
    const late = new AbortController();
    clock.sleep(PATIENCE_MS, done.signal).then(
      () => late.abort(),
      () => undefined,
    );
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        redirect: 'error',
        signal: AbortSignal.any([signal, late.signal]),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      throw new Problem('supervisor_away', { cause });
    } finally {
      done.abort();
    }
  }

  /** @throws Problem `supervisor_away` or `supervisor_refused` */
  #read<Schema extends v.GenericSchema>({ status, text }: Answer, schema: Schema): v.InferOutput<Schema> {
    if (status >= 500) throw new Problem('supervisor_away');
    if (status !== 200) throw new Problem('supervisor_refused', { params: { status: String(status) } });
    const answer = v.safeParse(v.object({ data: schema }), parseJson(text));
    if (!answer.success) throw new Problem('supervisor_away');
    return answer.output.data;
  }
}

/** What was sent as JSON; undefined where it is none. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
