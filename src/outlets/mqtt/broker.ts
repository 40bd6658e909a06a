import { DEFAULT_DISCOVERY_PREFIX } from '../../contract/index.ts';

/** A broker, and how to come in. */
export interface Broker {
  /** `mqtt`, `mqtts`, `ws` or `wss`. */
  readonly url: string;
  readonly username: string;
  readonly password: string;
  /** Certificates of authorities that are trusted besides the usual ones, as PEM. */
  readonly caCertificate: string;
  /** What we show to a broker that wants a certificate, as PEM; empty where it wants none. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** Where Home Assistant looks for what there is. */
  readonly discoveryPrefix: string;
}

/** A broker that Home Assistant has for its apps. */
export interface ProvidedBroker {
  readonly host: string;
  readonly port: number;
  readonly ssl: boolean;
  readonly username: string;
  readonly password: string;
}

/** Which broker a message of ours may be about: host and port. */
export function hostOf({ url }: Pick<Broker, 'url'>): string {
  return new URL(url).host;
}

/** A provided broker as one that was entered. */
export function asBroker({ host, port, ssl, username, password }: ProvidedBroker): Broker {
  return {
    url: `${ssl ? 'mqtts' : 'mqtt'}://${host}:${port}`,
    username,
    password,
    ...{ caCertificate: '', clientCertificate: '', clientKey: '' },
    discoveryPrefix: DEFAULT_DISCOVERY_PREFIX,
  };
}
