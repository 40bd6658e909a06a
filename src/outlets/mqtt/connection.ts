import type { MqttClient } from 'mqtt';
import type { MqttStatus } from '../../contract/index.ts';
import { backoff } from '../../kernel/backoff.ts';
import { type Clock, within } from '../../kernel/clock.ts';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { describeError, type Log } from '../../kernel/log.ts';
import type { Broker } from './broker.ts';
import { connect } from './connect.ts';

/** A broker, and who named it. */
export interface Found {
  readonly source: MqttStatus['source'];
  readonly broker: Broker | Problem | undefined;
}

/** What is known of the connection. */
export interface ConnectionState {
  readonly source: MqttStatus['source'];
  readonly state: MqttStatus['state'];
  readonly broker: Broker | undefined;
  readonly problem: Problem | undefined;
}

interface ConnectionOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly clientId: string;
  /** Where others read whether we are there: `online` or `offline`. */
  readonly statusTopic: string;
  /** Asked before each attempt: the broker may be another one, or have another password. */
  readonly find: (signal: AbortSignal) => Promise<Found>;
  readonly onChange: () => void;
  readonly random: () => number;
}

/** The pauses between attempts: a broker that restarts is back in seconds, and an attempt costs nothing (milliseconds). */
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Home Assistant may get a broker at any time, and nobody tells us (milliseconds). */
const LOOK_AGAIN_MS = 5 * 60_000;

/** A connection that lasted so long was none of many that broke at once (milliseconds). */
const STABLE_MS = 60_000;

/** A broker that is well takes a message at once; one on a busy Raspberry Pi within seconds (milliseconds). */
const TAKES_MS = 20_000;

/** Brokers take so many unanswered messages at once; mosquitto cuts off who sends more than twenty. */
const AT_ONCE = 10;

/** So long a broker gets to hear goodbye (milliseconds). */
const GOODBYE_MS = 2_000;

/** Hears of a message; `retained`: it lay there before. */
type MessageListener = (topic: string, payload: string, retained: boolean) => void;

const OFF: ConnectionState = { source: 'none', state: 'off', broker: undefined, problem: undefined };

/** The connection to a broker: made in the background, and made again for ever. */
export class Connection {
  readonly #options: ConnectionOptions;
  #life: AbortController | undefined;
  #loop: Promise<void> = Promise.resolve();
  #client: MqttClient | undefined;
  #state = OFF;
  #attempt = Promise.withResolvers<void>();
  /** Topics with retained messages that go when the broker is left for good. */
  readonly #retained = new Set<string>();
  readonly #connected = new Set<() => void>();
  readonly #heard = new Set<MessageListener>();

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Resolves when the first attempt since the start has ended, one way or another. */
  get attempted(): Promise<void> {
    return this.#attempt.promise;
  }

  /** Whether there is a broker that listens. */
  get isOpen(): boolean {
    return this.#client?.connected === true;
  }

  /** Called on each connection, before anything else is published on it; the returned function ends it. */
  onConnected(listener: () => void): () => void {
    this.#connected.add(listener);
    return () => this.#connected.delete(listener);
  }

  /** Called for each message that comes by a subscription; the returned function ends it. */
  onMessage(listener: MessageListener): () => void {
    this.#heard.add(listener);
    return () => this.#heard.delete(listener);
  }

  /** Asks for messages, for as long as this connection lasts, and returns when the broker has agreed or not; what we publish ourselves does not come back where that can be said. */
  async subscribe(filters: readonly string[]): Promise<void> {
    await this.#asked(this.#client?.subscribeAsync([...filters], { qos: 1, nl: true, rap: false }));
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#asked(this.#client?.unsubscribeAsync([...filters]));
  }

  async #asked(asking: Promise<unknown> | undefined): Promise<void> {
    await asking?.catch((error) =>
      this.#options.log.debug('a subscription was not changed', { reason: describeError(error) }),
    );
  }

  /**
   * Publishes a message, and says whether the broker has taken it. One that takes nothing for a while is no broker: the
   * connection is given up and made anew.
   */
  async publish(topic: string, payload: string, { retain }: { readonly retain: boolean }): Promise<boolean> {
    const client = this.#client;
    if (!client?.connected) return false;
    if (retain && payload !== '') this.#retained.add(topic);
    if (retain && payload === '') this.#retained.delete(topic);
    const taken = client.publishAsync(topic, payload, { qos: 1, retain }).then(
      () => true,
      (error: unknown) => {
        this.#options.log.debug('a message was not published', { topic, reason: describeError(error) });
        return false;
      },
    );
    const answer = await within(this.#options.clock, TAKES_MS, taken);
    if (answer === undefined && this.#client === client) {
      this.#options.log.warning('the MQTT broker takes no messages', { url: this.#state.broker?.url });
      client.end(true);
    }
    return answer ?? false;
  }

  start(): void {
    if (this.#life) return;
    const life = new AbortController();
    this.#life = life;
    this.#attempt = Promise.withResolvers();
    this.#loop = this.#run(life.signal);
  }

  /** Leaves the broker as one who comes back; `forGood` takes along what we left there. */
  async stop({ forGood = false } = {}): Promise<void> {
    const life = this.#life;
    if (!life) return;
    this.#life = undefined;
    const client = this.#client;
    life.abort(new Problem('shutting_down'));
    if (client) await this.#sayGoodbye(client, forGood);
    await this.#loop;
    this.#client = undefined;
    this.#attempt.resolve();
    this.#set(OFF);
  }

  /** To another broker, or to the same one in another way; unless it was stopped meanwhile. */
  async restart(): Promise<void> {
    if (!this.#life) return;
    await this.stop({ forGood: true });
    this.start();
  }

  /**
   * Publishes a retained message, or takes one back (an empty one). Without a connection nothing happens: whoever
   * publishes does so again when there is one.
   */
  retain(topic: string, payload: string): void {
    void this.publish(topic, payload, { retain: true });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    for (let failures = 0; !signal.aborted; ) {
      const begun = clock.monotonic();
      const outcome = await this.#live(signal);
      if (signal.aborted) return;
      if (clock.monotonic() - begun >= STABLE_MS) failures = 0;
      failures = outcome === 'none' ? 0 : failures + 1;
      const pause =
        outcome === 'none'
          ? LOOK_AGAIN_MS
          : backoff(failures, { first: FIRST_PAUSE_MS, longest: LONGEST_PAUSE_MS, random });
      await clock.sleep(pause, signal).catch(() => undefined);
    }
  }

  /** One connection from its attempt to its end. */
  async #live(signal: AbortSignal): Promise<'none' | 'ended'> {
    let source: ConnectionState['source'] = 'none';
    let broker: Found['broker'];
    try {
      ({ source, broker } = await this.#options.find(signal));
      if (broker === undefined) {
        this.#set({ ...OFF, source });
        this.#attempt.resolve();
        return 'none';
      }
      if (broker instanceof Problem) throw broker;
      // while it fails again and again it is not called connecting in between
      if (this.#state.state !== 'failed') {
        this.#set({ source, broker, state: 'connecting', problem: undefined });
      }
      await this.#stay(source, broker, signal);
      if (!signal.aborted) this.#set({ source, broker, state: 'connecting', problem: undefined });
    } catch (error) {
      if (!signal.aborted) this.#failed(source, broker instanceof Problem ? undefined : broker, error);
    }
    return 'ended';
  }

  /** Connects, and returns when that is over. */
  async #stay(source: ConnectionState['source'], broker: Broker, signal: AbortSignal): Promise<void> {
    const { clock, log, clientId, statusTopic } = this.#options;
    const will = { topic: statusTopic, payload: 'offline' };
    const client = await connect(broker, { clientId, clock, signal, will });
    const ended = new Promise<void>((resolve) => {
      client.once('close', () => resolve());
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    client.on('message', (topic, payload, { retain }) => {
      for (const listener of this.#heard) listener(topic, payload.toString(), retain);
    });
    this.#client = client;
    for (const listener of this.#connected) listener();
    this.retain(statusTopic, 'online');
    log.info('connected to the MQTT broker', { url: broker.url, mqtt: client.options.protocolVersion });
    this.#set({ source, broker, state: 'connected', problem: undefined });
    this.#attempt.resolve();
    await ended;
    // whoever stops us still has something to say
    if (signal.aborted) return;
    client.end(true);
    this.#client = undefined;
    log.warning('the connection to the MQTT broker ended', { url: broker.url });
  }

  #failed(source: ConnectionState['source'], broker: Broker | undefined, error: unknown): void {
    const { log } = this.#options;
    if (!isProblem(error)) log.error('the connection to the MQTT broker met a defect', { error });
    const problem = isProblem(error) ? error : new Problem('internal', { cause: error });
    if (problem.code !== this.#state.problem?.code) {
      log.warning('no connection to the MQTT broker', { url: broker?.url, reason: describeError(problem) });
    }
    this.#set({ source, broker, state: 'failed', problem });
    this.#attempt.resolve();
  }

  async #sayGoodbye(client: MqttClient, forGood: boolean): Promise<void> {
    const { statusTopic, clock } = this.#options;
    const topics = forGood ? [...this.#retained] : [statusTopic];
    const say = async () => {
      for (let at = 0; at < topics.length; at += AT_ONCE) {
        const said = topics
          .slice(at, at + AT_ONCE)
          .map((topic) =>
            client
              .publishAsync(topic, forGood ? '' : 'offline', { qos: 1, retain: true })
              .catch(() => undefined),
          );
        await Promise.all(said);
      }
      await client.endAsync();
    };
    if (forGood) this.#retained.clear();
    await within(clock, GOODBYE_MS, say());
    client.end(true);
  }

  #set(state: ConnectionState): void {
    this.#state = state;
    this.#options.onChange();
  }
}
