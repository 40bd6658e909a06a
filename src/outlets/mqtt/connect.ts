import { rootCertificates } from 'node:tls';
import type { IClientOptions, MqttClient } from 'mqtt';
import type { Clock } from '../../kernel/clock.ts';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { type Broker, hostOf } from './broker.ts';
import { connectFault, OtherVersion } from './faults.ts';

/** The versions of MQTT, as the first packet of a connection numbers them. */
const MQTT_5 = 5;
const MQTT_3_1_1 = 4;

/** A person may look on, and a broker on a busy Raspberry Pi takes seconds (milliseconds). */
const PATIENCE_MS = 10_000;

/** So long nothing needs to pass until both sides make sure that they are there (seconds). */
const KEEP_ALIVE_SECONDS = 60;

interface ConnectOptions {
  readonly clientId: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What the broker says in our place when we vanish. */
  readonly will?: { readonly topic: string; readonly payload: string };
}

/** Resolves when the broker has accepted us, and rejects with whatever happens instead. */
function opened(client: MqttClient, host: string, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // who gave up before it began is not waited for
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    client.once('connect', () => resolve());
    client.once('error', reject);
    client.once('close', () => reject(new Problem('mqtt_cut', { params: { host } })));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** One attempt in one version of MQTT. @throws Problem or OtherVersion */
async function attempt(broker: Broker, version: 4 | 5, options: ConnectOptions): Promise<MqttClient> {
  const { clock, signal, will, clientId } = options;
  // loaded only where there is a broker
  const { default: mqtt } = await import('mqtt');
  const host = hostOf(broker);
  const settings: IClientOptions = {
    clientId,
    protocolVersion: version,
    clean: true,
    keepalive: KEEP_ALIVE_SECONDS,
    // both are ours to decide
    reconnectPeriod: 0,
    connectTimeout: 2 * PATIENCE_MS,
    resubscribe: false,
    ...(broker.username === '' ? {} : { username: broker.username, password: broker.password }),
    ...(broker.caCertificate === '' ? {} : { ca: [...rootCertificates, broker.caCertificate] }),
    ...(broker.clientCertificate === '' ? {} : { cert: broker.clientCertificate, key: broker.clientKey }),
    ...(will
      ? { will: { topic: will.topic, payload: Buffer.from(will.payload), qos: 1, retain: true } }
      : {}),
  };
  const client = mqtt.connect(broker.url, settings);
  // it may complain again after it was given up
  client.on('error', () => undefined);
  let greeted = !broker.url.startsWith('mqtts:');
  client.stream.once('secureConnect', () => {
    greeted = true;
  });
  const done = new AbortController();
  const late = new AbortController();
  clock.sleep(PATIENCE_MS, done.signal).then(
    () => late.abort(new Problem('mqtt_timeout', { params: { host } })),
    () => undefined,
  );
  try {
    await opened(client, host, AbortSignal.any([signal, late.signal]));
    return client;
  } catch (error) {
    client.end(true);
    const fault = connectFault(error, host);
    // whoever hangs up when greeted with TLS speaks none
    const noTls = !greeted && isProblem(fault, 'mqtt_cut');
    throw noTls ? new Problem('mqtt_tls', { params: { host, reason: 'ECONNRESET' }, cause: error }) : fault;
  } finally {
    done.abort();
  }
}

/** Whether a broker may be one that knows no MQTT 5: some say nothing to it, and hang up. */
const mayBeOld = (error: unknown) => error instanceof OtherVersion || isProblem(error, 'mqtt_cut');

/** What is wrong with a broker that wants neither version. */
function whatIsLeft(error: unknown, broker: Broker): unknown {
  // of a websocket that is refused mqtt.js tells the end alone
  const noSocket = isProblem(error, 'mqtt_cut') && /^wss?:/.test(broker.url);
  if (!(error instanceof OtherVersion || noSocket)) return error;
  return new Problem('mqtt_not_mqtt', { params: { host: hostOf(broker) }, cause: error });
}

/** Connects with MQTT 5, or with 3.1.1 where the broker knows nothing newer. @throws Problem that says what is wrong. */
export async function connect(broker: Broker, options: ConnectOptions): Promise<MqttClient> {
  try {
    return await attempt(broker, MQTT_5, options);
  } catch (error) {
    if (!mayBeOld(error) || options.signal.aborted) throw error;
  }
  try {
    return await attempt(broker, MQTT_3_1_1, options);
  } catch (error) {
    throw whatIsLeft(error, broker);
  }
}
