import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, rootCertificates } from 'node:tls';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { Clock } from '../../kernel/clock.ts';
import { Problem } from '../../kernel/errors.ts';
import type { BrokerAccess, Trust } from '../handler.ts';
import { meetCertificate, networkProblem } from '../http/faults.ts';

/** MQTT 3.1.1, which every broker knows: so there is one attempt, and a wrong password counts once against a lock-out. */
const MQTT_3_1_1 = 4;

/** A broker on a busy Raspberry Pi takes seconds until it has accepted us (milliseconds). */
const CONNECT_MS = 10_000;

/** So long nothing needs to pass until both sides make sure that they are there (seconds). */
const KEEP_ALIVE_SECONDS = 60;

/** What a connection may bring beside the answer that is waited for (bytes). */
const BESIDE = 1024 * 1024;

/** Answers to a CONNECT that mean the user or the password (MQTT 3.1.1, table 3.1). */
const PASSWORD: ReadonlySet<unknown> = new Set([4, 5]);

/** What stands in a SUBACK instead of a quality of service when it is refused (section 3.9.3). */
const NOT_SUBSCRIBED = 128;

/** Ports of the schemes. */
const PORTS: Readonly<Record<string, number>> = { 'mqtt:': 1883, 'mqtts:': 8883 };

interface BrokerOptions {
  readonly broker: BrokerAccess;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Whom to trust behind TLS: the one that was met first. Absent: only who shows the certificate of an authority. */
  readonly trust?: Trust;
  /** How large an answer may be, so that nobody fills our memory, and what is wrong with a larger one. */
  readonly limit: { readonly bytes: number; readonly problem: () => Problem };
}

/** Something that was published. */
interface Message {
  readonly topic: string;
  readonly payload: Buffer;
}

/** A connection to a broker for one operation. What arrives waits in order until it is taken. */
export class BrokerSession {
  /** Host and port, for sentences. */
  readonly host: string;
  readonly #client: MqttClient;
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #waiting: Message[] = [];
  #failure: unknown;
  #wake: () => void = () => undefined;

  constructor(client: MqttClient, host: string, { clock, signal }: Pick<BrokerOptions, 'clock' | 'signal'>) {
    this.host = host;
    this.#client = client;
    this.#clock = clock;
    this.#signal = signal;
    client.on('message', (topic, payload) => {
      this.#waiting.push({ topic, payload });
      this.#wake();
    });
    client.on('close', () => this.fail(new Problem('device_cut', { params: { host } })));
  }

  /** Ends the waiting with the first failure there is. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#wake();
  }

  /** @throws Problem `device_forbidden` where the broker does not allow it */
  async subscribe(topics: readonly string[]): Promise<void> {
    const granted = await this.#unlessCut(this.#client.subscribeAsync([...topics], { qos: 1 }));
    if (granted.some(({ qos }) => Number(qos) === NOT_SUBSCRIBED)) {
      throw new Problem('device_forbidden', { params: { host: this.host } });
    }
  }

  /** Resolves when the broker has it. It does not say whether the user was allowed to publish it. */
  async publish(topic: string, payload: string): Promise<void> {
    await this.#unlessCut(this.#client.publishAsync(topic, payload, { qos: 1 }));
  }

  /**
   * Takes message by message until one of them comes to something; undefined where none has after `ms`.
   * @throws Problem `device_cut` where the connection ends, the one of the limit, the reason of the signal, and what `take` throws
   */
  async until<Result>(
    ms: number,
    take: (message: Message) => Result | undefined,
  ): Promise<Result | undefined> {
    const done = new AbortController();
    let late = false;
    this.#clock.sleep(ms, AbortSignal.any([done.signal, this.#signal])).then(
      () => {
        late = true;
        this.#wake();
      },
      (reason: unknown) => {
        if (!done.signal.aborted) this.fail(reason);
      },
    );
    try {
      for (;;) {
        for (let message = this.#waiting.shift(); message; message = this.#waiting.shift()) {
          const result = take(message);
          if (result !== undefined) return result;
        }
        if (this.#failure) throw this.#failure;
        if (late) return undefined;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    } finally {
      done.abort();
    }
  }

  /** What the broker acknowledges, or what ended the connection before; a broker that is silent is given up. */
  async #unlessCut<Result>(work: Promise<Result>): Promise<Result> {
    const settled = work.then(
      (value) => {
        this.#wake();
        return { value };
      },
      (error: unknown) => {
        this.fail(networkProblem(error, this.host));
        return undefined;
      },
    );
    const done = new AbortController();
    const limits = AbortSignal.any([done.signal, this.#signal]);
    const late = this.#clock.sleep(CONNECT_MS, limits).then(
      () => undefined,
      () => undefined,
    );
    const result = await Promise.race([settled, late, this.#closed()]);
    done.abort();
    this.#signal.throwIfAborted();
    if (result) return result.value;
    throw this.#failure ?? new Problem('device_timeout', { params: { host: this.host } });
  }

  #closed(): Promise<undefined> {
    return new Promise((resolve) => this.#client.once('close', () => resolve(undefined)));
  }
}

/** A connection to the broker, before anything is said; websockets are left to the package. */
async function dial({ broker, trust, signal }: BrokerOptions, url: URL): Promise<Socket> {
  const [host, port] = [url.hostname.replace(/^\[|\]$/g, ''), Number(url.port) || PORTS[url.protocol]];
  if (port === undefined) throw new Problem('device_unexpected', { params: { host, reason: url.protocol } });
  const secure = url.protocol === 'mqtts:';
  const socket = secure
    ? connectTls({
        host,
        port,
        ...(isIP(host) ? {} : { servername: host }),
        ...(broker.ca ? { ca: [...rootCertificates, broker.ca] } : {}),
        rejectUnauthorized: trust === undefined,
      })
    : connectPlain({ host, port });
  const abort = () => socket.destroy(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      socket.once(secure ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Problem('device_cut', { params: { host: url.host } })));
    });
    // the password is said only after this
    if (secure && trust) meetCertificate(socket as Parameters<typeof meetCertificate>[0], trust, url.host);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

async function open(options: BrokerOptions, url: URL): Promise<MqttClient> {
  const { broker, signal } = options;
  // loaded only where a device talks over a broker
  const { default: mqtt } = await import('mqtt');
  const settings: IClientOptions = {
    clientId: `homestash-${crypto.randomUUID().slice(0, 8)}`,
    protocolVersion: MQTT_3_1_1,
    clean: true,
    keepalive: KEEP_ALIVE_SECONDS,
    // one connection for one operation
    reconnectPeriod: 0,
    connectTimeout: 2 * CONNECT_MS,
    resubscribe: false,
    ...(broker.username ? { username: broker.username, password: broker.password ?? '' } : {}),
    ...(broker.ca ? { ca: [...rootCertificates, broker.ca] } : {}),
  };
  if (/^wss?:$/.test(url.protocol)) return mqtt.connect(broker.url, settings);
  const socket = await dial(options, url);
  signal.throwIfAborted();
  return new mqtt.MqttClient(() => socket, settings);
}

/** Why a broker does not accept us. */
function refusal(error: unknown, host: string): Problem {
  if (error instanceof Problem) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (PASSWORD.has(code)) return new Problem('device_password', { params: { host }, cause: error });
  if (typeof code === 'number') {
    return new Problem('device_failed', { params: { host, reason: `MQTT ${code}` }, cause: error });
  }
  if (code === undefined) {
    return new Problem('device_unexpected', { params: { host, reason: 'no MQTT' }, cause: error });
  }
  return networkProblem(error, host);
}

/**
 * Connects to a broker for one operation and leaves it afterwards: a clean session, without a second attempt.
 * @throws Problem `device_dns`, `device_refused`, `device_timeout`, `device_cut`, `device_tls`, `device_pin`, `device_password`
 */
export async function withBroker<Result>(
  options: BrokerOptions,
  work: (session: BrokerSession) => Promise<Result>,
): Promise<Result> {
  const { broker, clock, signal, limit } = options;
  const url = new URL(broker.url);
  const { host } = url;
  const done = new AbortController();
  const late = new AbortController();
  clock.sleep(CONNECT_MS, done.signal).then(
    () => late.abort(new Problem('device_timeout', { params: { host } })),
    () => undefined,
  );
  const limits = AbortSignal.any([signal, late.signal]);
  let client: MqttClient | undefined;
  try {
    client = await open({ ...options, signal: limits }, url);
    const connection = client;
    const session = new BrokerSession(connection, host, options);
    let received = 0;
    connection.stream.on('data', (piece: Buffer) => {
      received += piece.length;
      if (received <= limit.bytes + BESIDE) return;
      session.fail(limit.problem());
      connection.end(true);
    });
    await accepted(connection, host, limits);
    done.abort();
    return await work(session);
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof Problem ? error : refusal(error, host);
  } finally {
    done.abort();
    client?.end(true);
  }
}

/** Resolves when the broker has accepted us. */
function accepted(client: MqttClient, host: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('connect', () => resolve());
    // it may complain again after it was given up
    client.on('error', (error) => reject(refusal(error, host)));
    client.once('close', () => reject(new Problem('device_cut', { params: { host } })));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    if (signal.aborted) reject(signal.reason);
  });
}
