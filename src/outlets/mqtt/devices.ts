import { crc32 } from 'node:zlib';
import * as v from 'valibot';
import type { HappeningCode, Language } from '../../contract/index.ts';
import { MemoryBudget } from '../../kernel/admission.ts';
import type { Bus } from '../../kernel/bus.ts';
import { type Clock, timestamp } from '../../kernel/clock.ts';
import { type Device, type DeviceDescription, deviceOf } from '../../kernel/entities.ts';
import { isProblem, toProblem } from '../../kernel/errors.ts';
import type { Entry, Journal } from '../../kernel/journal.ts';
import { parseJson } from '../../kernel/json.ts';
import { describeError, type Log } from '../../kernel/log.ts';
import type { State } from '../../kernel/state.ts';
import { wordEntity } from '../../kernel/texts.ts';
import { Throttle } from '../../kernel/throttle.ts';
import type { Connection } from './connection.ts';
import { discoveryPayload, type Origin } from './discovery.ts';
import type { Topics } from './topics.ts';

/** What a command that came over MQTT is told to do. */
export type RunCommand = (name: string, input: object) => Promise<void>;

interface DevicesOptions {
  readonly connection: Connection;
  readonly topics: () => Topics;
  readonly state: State;
  readonly devices: readonly DeviceDescription[];
  readonly run: RunCommand;
  readonly journal: Journal;
  readonly origin: () => Origin;
  readonly language: () => Language;
  readonly bus: Bus<DeviceEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly random: () => number;
}

/** What makes messages other than the state does. */
export interface DeviceEvents {
  happened: Entry;
  language_changed: Record<never, never>;
}

/** Of one topic no broker hears more often (milliseconds). */
const INTERVAL_MS = 1_000;

/** What was not taken is tried again after so long (milliseconds). */
const AGAIN_MS = 5_000;

/** Brokers take so many unanswered messages at once; mosquitto cuts off who sends more than twenty. */
const AT_ONCE = 10;

/** Events that wait for a slow broker; what is more is dropped, for who hears of it late hears it for new. */
const WAITING_EVENTS = 50;

/** Home Assistant has much to do when it starts, and many tell it at once (milliseconds). */
const BIRTH_FIRST_MS = 1_000;
const BIRTH_SPREAD_MS = 4_000;

/** Kept messages come with the subscription; after so long there are no more (milliseconds). */
const KEPT_MS = 10_000;

const Announced = v.object({ cmps: v.record(v.string(), v.looseObject({ p: v.string() })) });

/** Shows devices to Home Assistant: each with one document and what can be done with it, for as long as there is one. */
export class Devices {
  readonly #options: DevicesOptions;
  readonly #throttle: Throttle;
  readonly #slots = new MemoryBudget(AT_ONCE);
  /** What lies at the broker by our doing, as a sum of it; by topic. */
  readonly #published = new Map<string, number>();
  /** Components that a device had in an earlier version, and that Home Assistant is told to forget; by device. */
  readonly #leaving = new Map<string, Record<string, { readonly p: string }>>();
  #events = 0;
  #ends: (() => void)[] = [];
  #life = new AbortController();

  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#throttle = new Throttle({
      clock: options.clock,
      intervalMs: INTERVAL_MS,
      run: (topic) => this.#publish(topic),
      onError: (error) => options.log.error('a message met a defect', { error }),
    });
  }

  start(): void {
    if (this.#ends.length > 0) return;
    const { connection, state, bus } = this.#options;
    this.#life = new AbortController();
    this.#throttle.start();
    this.#ends = [
      connection.onConnected(() => void this.#connected()),
      connection.onMessage((topic, payload, retained) => this.#heard(topic, payload, retained)),
      state.watch((name) => this.#changed(name)),
      bus.on('language_changed', () => this.#touchAll()),
      bus.on('happened', (entry) => this.#happened(entry)),
    ];
  }

  stop(): void {
    this.#life.abort();
    for (const end of this.#ends.splice(0)) end();
    this.#throttle.stop();
    this.#published.clear();
  }

  /** What is known lies there anew: the broker may have lost it, or be another one. */
  async #connected(): Promise<void> {
    const { connection, clock } = this.#options;
    const topics = this.#options.topics();
    this.#published.clear();
    this.#leaving.clear();
    // nothing waits for what another connection was told
    this.#throttle.stop();
    this.#throttle.start();
    // first what lies there: whatever we publish would hide it
    await connection.subscribe([topics.commands, topics.birth, ...topics.ours]);
    clock.sleep(KEPT_MS, this.#life.signal).then(
      () => void connection.unsubscribe(topics.ours),
      () => undefined,
    );
    this.#touchAll();
  }

  #changed(name: string): void {
    // without a broker there is nothing to be done: who comes back is told everything
    if (!this.#options.connection.isOpen) return;
    const device = deviceOf(this.#options.devices, name);
    if (device) this.#touch(device);
  }

  #touch({ key }: Device): void {
    const topics = this.#options.topics();
    this.#throttle.touch(topics.config(key));
    this.#throttle.touch(topics.state(key));
  }

  /** The box first: what hangs on it names it. */
  #touchAll(): void {
    const devices = this.#options.state
      .all()
      .flatMap(({ name }) => deviceOf(this.#options.devices, name) ?? [])
      .sort((a, b) => Number(a.id !== '') - Number(b.id !== ''));
    for (const device of devices) this.#touch(device);
  }

  /** Publishes what the topic should hold by now, unless it does. */
  async #publish(topic: string): Promise<number | undefined> {
    const { connection } = this.#options;
    if (!connection.isOpen) return undefined;
    const lease = await this.#slots.acquire(1, this.#life.signal).catch(() => undefined);
    if (!lease) return undefined;
    try {
      const payload = this.#payload(topic);
      const sum = crc32(payload) + payload.length * 2 ** 32;
      if (this.#published.get(topic) === sum) return undefined;
      if (!(await connection.publish(topic, payload, { retain: true }))) return AGAIN_MS;
      this.#published.set(topic, sum);
      const kept = this.#options.topics().kept(topic);
      // told that they are no more; from now on they are not mentioned
      if (kept?.what === 'config' && this.#leaving.delete(kept.device)) return 0;
      return undefined;
    } finally {
      lease.release();
    }
  }

  /** What a topic should hold; empty where there is no such device any more. */
  #payload(topic: string): string {
    const { state, devices, origin, language } = this.#options;
    const topics = this.#options.topics();
    const kept = topics.kept(topic);
    if (!kept) return '';
    for (const document of state.all()) {
      const device = deviceOf(devices, document.name);
      if (device?.key !== kept.device) continue;
      if (kept.what === 'state') return document.text;
      const content = JSON.parse(document.text) as Record<string, unknown>;
      const payload = discoveryPayload({
        ...{ topics, device, document: content, language: language(), origin: origin() },
      });
      const leaving = this.#leaving.get(device.key);
      if (!leaving) return JSON.stringify(payload);
      return JSON.stringify({ ...payload, cmps: { ...leaving, ...(payload.cmps as object) } });
    }
    return '';
  }

  #heard(topic: string, payload: string, retained: boolean): void {
    const topics = this.#options.topics();
    if (topic === topics.birth) {
      if (payload === 'online' && !retained) void this.#born();
      return;
    }
    const kept = topics.kept(topic);
    if (kept) {
      if (retained && payload !== '') this.#found(topic, kept, payload);
      return;
    }
    const asked = topics.asked(topic);
    // a command that was kept by mistake would be done with each connection
    if (asked && !retained) void this.#ask(asked.device, asked.command);
  }

  /** Something of ours lies there from before: of what is no more it goes. */
  #found(
    topic: string,
    { device, what }: { device: string; what: 'config' | 'state' },
    payload: string,
  ): void {
    const wanted = this.#payload(topic);
    if (wanted !== '' && what === 'config') {
      const before = v.safeParse(Announced, readJson(payload));
      const now = v.safeParse(Announced, JSON.parse(wanted));
      if (before.success && now.success) {
        const gone = Object.entries(before.output.cmps).filter(([key]) => !(key in now.output.cmps));
        if (gone.length === 0) return;
        this.#leaving.set(device, Object.fromEntries(gone.map(([key, { p }]) => [key, { p }])));
      }
    }
    if (wanted !== '' && what === 'state') return;
    this.#published.delete(topic);
    this.#throttle.touch(topic);
  }

  /** Home Assistant has started and knows nothing of what was not kept. */
  async #born(): Promise<void> {
    const { clock, random } = this.#options;
    try {
      await clock.sleep(BIRTH_FIRST_MS + random() * BIRTH_SPREAD_MS, this.#life.signal);
    } catch {
      return;
    }
    this.#published.clear();
    this.#touchAll();
  }

  async #ask(key: string, command: string): Promise<void> {
    const { state, devices, run, log, journal, language } = this.#options;
    const device = state
      .all()
      .flatMap(({ name }) => deviceOf(devices, name) ?? [])
      .find((one) => one.key === key);
    const button = device?.description.entities.find(
      (entity) => entity.platform === 'button' && entity.command === command,
    );
    if (!device || !button) {
      log.warning('a command over MQTT is none of ours');
      return;
    }
    const { subject } = device.description;
    try {
      await run(command, subject === undefined ? {} : { [subject]: device.id });
    } catch (error) {
      if (!isProblem(error)) log.error('a command over MQTT met a defect', { command, error });
      else log.warning('a command over MQTT was not done', { command, reason: describeError(error) });
      // who pressed a button gets no answer there
      const said = wordEntity(device.description.kind, button.key, language());
      const params = { command: said, problem: toProblem(error) };
      void journal.note({ code: 'command_failed', params, target: device.id === '' ? undefined : device.id });
    }
  }

  #happened(entry: Entry): void {
    const { state, devices, connection } = this.#options;
    if (!connection.isOpen || this.#events >= WAITING_EVENTS) return;
    for (const { name } of state.all()) {
      const device = deviceOf(devices, name);
      if (!device || device.id !== (entry.target ?? '')) continue;
      const type = eventType(device, entry.code);
      if (type !== undefined) void this.#tell(device.key, type, entry);
    }
  }

  async #tell(key: string, type: string, { at, params }: Entry): Promise<void> {
    const { connection } = this.#options;
    const { name } = params;
    this.#events += 1;
    const lease = await this.#slots.acquire(1, this.#life.signal).catch(() => undefined);
    if (lease) {
      const payload = { event_type: type, at: timestamp(at), name: typeof name === 'string' ? name : null };
      await connection.publish(this.#options.topics().event(key), JSON.stringify(payload), { retain: false });
      lease.release();
    }
    this.#events -= 1;
  }
}

/** What somebody put there instead of ours is nothing. */
function readJson(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

function eventType({ description }: Device, code: HappeningCode): string | undefined {
  for (const entity of description.entities) {
    if (entity.platform === 'event' && entity.types[code] !== undefined) return entity.types[code];
  }
  return undefined;
}
