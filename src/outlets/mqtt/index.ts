import {
  ANNOUNCEMENT_TOPIC,
  DEFAULT_DISCOVERY_PREFIX,
  type Language,
  type MqttStatus,
  type PairingAnnouncement,
} from '../../contract/index.ts';
import type { Bus } from '../../kernel/bus.ts';
import { type Clock, within } from '../../kernel/clock.ts';
import type { DeviceDescription } from '../../kernel/entities.ts';
import { isProblem, Problem } from '../../kernel/errors.ts';
import type { Feature } from '../../kernel/feature.ts';
import { newId } from '../../kernel/ids.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { Log } from '../../kernel/log.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import type { Settings } from '../../kernel/settings.ts';
import type { State } from '../../kernel/state.ts';
import { wordProblem } from '../../kernel/texts.ts';
import { asBroker, type Broker, type ProvidedBroker } from './broker.ts';
import { connect } from './connect.ts';
import { Connection, type Found } from './connection.ts';
import { type DeviceEvents, Devices, type RunCommand } from './devices.ts';
import type { Origin } from './discovery.ts';
import { mqttRoutes } from './routes.ts';
import { shownDevices } from './shown.ts';
import { MqttStore } from './store.ts';
import { Topics } from './topics.ts';

/** What others must hear of the broker, that its document has changed; and what it hears: the core may have another name. */
export interface MqttEvents {
  mqtt_changed: Record<never, never>;
  settings_changed: Record<never, never>;
}

interface MqttOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly bus: Bus<MqttEvents & DeviceEvents>;
  readonly state: State;
  /** What Home Assistant is shown. */
  readonly devices: readonly DeviceDescription[];
  readonly run: RunCommand;
  readonly journal: Journal;
  readonly origin: () => Origin;
  readonly language: () => Language;
  readonly clock: Clock;
  readonly log: Log;
  readonly instanceId: string;
  /** Under the Supervisor: the broker of Home Assistant, where it has one. */
  readonly provided?: ((signal: AbortSignal) => Promise<ProvidedBroker | undefined>) | undefined;
  /** What is announced; undefined while nobody else can reach the API. */
  readonly announcement: () => PairingAnnouncement | undefined;
  /** From 0 to 1; tests bring their own. */
  readonly random?: () => number;
}

/** A broker that others may use as well. */
interface UsableBroker {
  readonly url: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly ca: string | undefined;
}

/** The outlet, with what the rest of the core wants of it. */
interface MqttFeature extends Feature {
  /** How the connection stands. */
  status(language: Language): MqttStatus;
  /** How the broker is reached, for those who speak to devices over it; undefined where there is none that can be used. */
  broker(signal: AbortSignal): Promise<UsableBroker | undefined>;
}

/** A fault of what a person is just entering is a fault of the input. */
const INPUT_STATUS = 422;

/** What was tried a moment ago is connected within this time, or the answer says that it is not yet (milliseconds). */
const SETTLE_MS = 5_000;

/** The outlet to an MQTT broker: the connection, and the announcement by which the core is found. */
export function createMqtt(options: MqttOptions): MqttFeature {
  const { bus, clock, instanceId, provided } = options;
  const log = options.log.child('mqtt');
  const store = new MqttStore({ settings: options.settings, secrets: options.secrets, log });
  const announcementTopic = ANNOUNCEMENT_TOPIC.replace('{instance_id}', instanceId);
  let told = '';
  let turn: Promise<unknown> = Promise.resolve();

  const find = async (signal: AbortSignal): Promise<Found> => {
    const own = await store.read();
    if (own) {
      const { password, clientKey, ...rest } = own;
      const lost = [password, clientKey].find((secret) => secret instanceof Problem);
      if (lost instanceof Problem) return { source: 'settings', broker: lost };
      return { source: 'settings', broker: { ...rest, password, clientKey } as Broker };
    }
    if (!provided) return { source: 'none', broker: undefined };
    try {
      const broker = await provided(signal);
      if (!broker) return { source: 'none', broker: undefined };
      log.redact(broker.password);
      return { source: 'supervisor', broker: asBroker(broker) };
    } catch (error) {
      if (!isProblem(error)) throw error;
      return { source: 'supervisor', broker: error };
    }
  };

  const usable = async (signal: AbortSignal): Promise<UsableBroker | undefined> => {
    const { broker } = await find(signal);
    if (!broker || broker instanceof Problem) return undefined;
    const { url, username, password, caCertificate } = broker;
    return {
      url,
      username: username || undefined,
      password: password || undefined,
      ca: caCertificate || undefined,
    };
  };

  const connection = new Connection({
    clock,
    log,
    find,
    clientId: `homestash-${instanceId}`,
    statusTopic: new Topics(instanceId, DEFAULT_DISCOVERY_PREFIX).status,
    random: options.random ?? Math.random,
    onChange: () => {
      const now = JSON.stringify(status('en'));
      if (now === told) return;
      told = now;
      bus.emit('mqtt_changed', {});
    },
  });

  const status = (language: Language): MqttStatus => {
    const { source, state, broker, problem } = connection.state;
    return {
      source,
      state,
      url: broker?.url ?? null,
      username: broker?.username ?? null,
      ca_certificate: broker?.caCertificate ?? null,
      client_certificate: broker?.clientCertificate ?? null,
      discovery_prefix: broker?.discoveryPrefix ?? DEFAULT_DISCOVERY_PREFIX,
      problem: problem ? wordProblem(problem, language) : null,
    };
  };

  const announce = () => {
    const announcement = options.announcement();
    connection.retain(announcementTopic, announcement ? JSON.stringify(announcement) : '');
  };
  connection.onConnected(announce);
  const devices = new Devices({
    ...options,
    log,
    connection,
    topics: () =>
      new Topics(instanceId, connection.state.broker?.discoveryPrefix ?? DEFAULT_DISCOVERY_PREFIX),
    random: options.random ?? Math.random,
  });

  /** Takes what is kept now, and waits a moment for what becomes of it; one change after the other. */
  const take = (change: () => Promise<void>): Promise<void> => {
    const taken = turn.then(async () => {
      await change();
      await connection.restart();
      await within(clock, SETTLE_MS, connection.attempted);
    });
    turn = taken.catch(() => undefined);
    return taken;
  };
  let unlisten: () => void = () => undefined;

  return {
    name: 'mqtt',
    status,
    broker: usable,
    routes: mqttRoutes({
      status,
      shown: (language) => shownDevices(options.state, options.devices, language),
      use: async (settings, signal) => {
        const broker = await store.complete(settings);
        try {
          const tried = await connect(broker, { clientId: `homestash-${newId()}`, clock, signal });
          tried.end();
        } catch (error) {
          throw isProblem(error) ? error.withStatus(INPUT_STATUS) : error;
        }
        await take(() => store.write(broker));
      },
      forget: () => take(() => store.forget()),
    }),
    start: async () => {
      unlisten = bus.on('settings_changed', announce);
      devices.start();
      connection.start();
    },
    stop: async () => {
      unlisten();
      devices.stop();
      await connection.stop();
    },
  };
}
