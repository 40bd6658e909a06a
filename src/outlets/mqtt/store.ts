import * as v from 'valibot';
import { DEFAULT_DISCOVERY_PREFIX, type MqttSettings } from '../../contract/index.ts';
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
const KEY_PURPOSE = 'mqtt-client-key';

/** What is secret of a broker. */
type Secret = 'password' | 'clientKey';

/** A broker as it was kept: with a problem in place of what can no longer be read. */
export type KeptBroker = Omit<Broker, Secret> & { readonly [Name in Secret]: string | Problem };

/** Null: it was forgotten on purpose. */
const Kept = v.nullable(
  v.object({
    url: v.string(),
    username: v.string(),
    /** Sealed. */
    password: v.string(),
    ca_certificate: v.string(),
    client_certificate: v.optional(v.string(), ''),
    /** Sealed; empty where there is none. */
    client_key: v.optional(v.string(), ''),
    discovery_prefix: v.optional(v.string(), DEFAULT_DISCOVERY_PREFIX),
  }),
);

/** The broker that a person entered. */
export class MqttStore {
  readonly #options: StoreOptions;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** The broker; with a problem in place of the password where that can no longer be read. */
  async read(): Promise<KeptBroker | undefined> {
    const kept = await this.#options.settings.read(NAME, Kept);
    if (!kept) return undefined;
    return {
      url: kept.url,
      username: kept.username,
      password: this.#unseal(kept.password, PURPOSE),
      caCertificate: kept.ca_certificate,
      clientCertificate: kept.client_certificate,
      clientKey: kept.client_key === '' ? '' : this.#unseal(kept.client_key, KEY_PURPOSE),
      discoveryPrefix: kept.discovery_prefix,
    };
  }

  /** What was entered as a whole: an absent password, or key, is the one that is kept for the same broker. */
  async complete(settings: MqttSettings): Promise<Broker> {
    const kept = await this.read();
    // never to another host: who changes the address could read it there
    const known = kept && hostname(kept) === hostname(settings) ? kept : undefined;
    const whole = {
      url: settings.url,
      username: settings.username,
      password: settings.password ?? readable(known?.password),
      caCertificate: settings.ca_certificate,
      clientCertificate: settings.client_certificate,
      clientKey:
        settings.client_certificate === '' ? '' : (settings.client_key ?? readable(known?.clientKey)),
      discoveryPrefix: settings.discovery_prefix,
    };
    this.#options.log.redact(whole.password);
    return whole;
  }

  async write(broker: Broker): Promise<void> {
    const { settings, secrets } = this.#options;
    await settings.write(NAME, {
      url: broker.url,
      username: broker.username,
      password: secrets.seal(broker.password, PURPOSE),
      ca_certificate: broker.caCertificate,
      client_certificate: broker.clientCertificate,
      client_key: broker.clientKey === '' ? '' : secrets.seal(broker.clientKey, KEY_PURPOSE),
      discovery_prefix: broker.discoveryPrefix,
    });
  }

  async forget(): Promise<void> {
    await this.#options.settings.write(NAME, null);
  }

  #unseal(sealed: string, purpose: string): string | Problem {
    try {
      const secret = this.#options.secrets.unseal(sealed, purpose);
      this.#options.log.redact(secret);
      return secret;
    } catch (cause) {
      if (cause instanceof SealError) return new Problem('mqtt_password_lost', { cause });
      throw cause;
    }
  }
}

const hostname = (broker: Pick<Broker, 'url'>): string => new URL(`http://${hostOf(broker)}`).hostname;

/** @throws Problem where it can no longer be read */
function readable(secret: string | Problem | undefined): string {
  if (secret instanceof Problem) throw secret;
  return secret ?? '';
}
