import * as v from 'valibot';
import type { MqttSettings } from '../../contract/index.ts';
import { Problem } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { SealError, type Secrets } from '../../kernel/secrets.ts';
import type { Settings } from '../../kernel/settings.ts';
import { type Broker, hostOf } from './broker.ts';

interface StoreOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly log: Log;
}

const NAME = 'mqtt';
const PURPOSE = 'mqtt-password';

/** Null: it was forgotten on purpose. */
const Kept = v.nullable(
  v.object({
    url: v.string(),
    username: v.string(),
    /** Sealed. */
    password: v.string(),
    ca_certificate: v.string(),
  }),
);

/** The broker that a person entered. */
export class MqttStore {
  readonly #options: StoreOptions;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** The broker; with a problem in place of the password where that can no longer be read. */
  async read(): Promise<(Omit<Broker, 'password'> & { readonly password: string | Problem }) | undefined> {
    const kept = await this.#options.settings.read(NAME, Kept);
    if (!kept) return undefined;
    const { url, username, ca_certificate: caCertificate } = kept;
    return { url, username, caCertificate, password: this.#unseal(kept.password) };
  }

  /** What was entered as a whole: an absent password is the one that is kept for the same broker. */
  async complete({ url, username, password, ca_certificate }: MqttSettings): Promise<Broker> {
    const kept = password === undefined ? await this.read() : undefined;
    // never to another host: who changes the address could read it there
    const known = kept && hostname(kept) === hostname({ url }) ? kept.password : '';
    if (known instanceof Problem) throw known;
    const whole = { url, username, password: password ?? known, caCertificate: ca_certificate };
    this.#options.log.redact(whole.password);
    return whole;
  }

  async write({ url, username, password, caCertificate }: Broker): Promise<void> {
    const { settings, secrets } = this.#options;
    const sealed = secrets.seal(password, PURPOSE);
    await settings.write(NAME, { url, username, password: sealed, ca_certificate: caCertificate });
  }

  async forget(): Promise<void> {
    await this.#options.settings.write(NAME, null);
  }

  #unseal(sealed: string): string | Problem {
    try {
      const password = this.#options.secrets.unseal(sealed, PURPOSE);
      this.#options.log.redact(password);
      return password;
    } catch (cause) {
      if (cause instanceof SealError) return new Problem('mqtt_password_lost', { cause });
      throw cause;
    }
  }
}

const hostname = (broker: Pick<Broker, 'url'>): string => new URL(`http://${hostOf(broker)}`).hostname;
