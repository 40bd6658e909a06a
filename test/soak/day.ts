import type { IdleClock } from '../harness/idle-clock.ts';
import type { S3Simulator } from '../simulators/s3/index.ts';
import type { Deeds } from './deeds.ts';
import type { Dice } from './dice.ts';
import { BUCKET, type Home } from './home.ts';
import type { Ledger } from './ledger.ts';
import { type Hour, hoursOf, spellOf, Weather } from './weather.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const HOURS = 24;

/** No hour is called calm before what the last one left has come to an end (milliseconds). */
const SETTLED_MS = 10 * MINUTE_MS;

/** What is done within this time begins at once (milliseconds). */
const TOGETHER_MS = 6 * MINUTE_MS;

/** How many deeds are under way at most; eight small uploads fill the memory that there is for them. */
const MOST_AT_ONCE = 6;

/** Above so many backups more are deleted than made. */
const KEPT = 40;

/** What is done beside an upload, and how often for each of them. */
const BESIDES = { list: 0.8, delete: 0.75, download: 0.4, probe: 0.025 } as const;

/** What uploads bring: mostly a backup that is new. */
const AGAIN = { new: 82, there: 8, unclear: 10 };

/** The share of deletions that are asked for twice at once. */
const TWICE = 0.06;

/** How often in a day the core is stopped, and how often killed. */
const STOPS = 5;
const KILLS = 7;

/** Turns of the event loop between what is begun and its end by a stop or a kill; a small upload takes about as many. */
const MOST_TURNS = 200;

/** What a server's clock may be ahead or behind (milliseconds). */
const SKEW_MS = 3 * HOUR_MS;

/** What is left of the quota in the hour in which it is exhausted (bytes). */
const QUOTA_LEFT = 3 * 1024 * 1024;

interface DayOptions {
  readonly clock: IdleClock;
  readonly simulator: S3Simulator;
  readonly home: Home;
  readonly deeds: Deeds;
  readonly ledger: Ledger;
  readonly dice: Dice;
  readonly backups: number;
  readonly onFirstHour: () => Promise<void>;
}

interface Event {
  readonly at: number;
  readonly kind: 'upload' | 'list' | 'delete' | 'download' | 'probe' | 'stop' | 'kill' | 'hour';
  readonly dice: Dice;
}

/** 24 hours of backups, weather and mishaps. */
export class Day {
  readonly #options: DayOptions;
  readonly #weather: Weather;
  readonly #hours: readonly Hour[];
  readonly #deeds = new Set<Promise<void>>();
  #startedAt = 0;
  #hour = -1;
  #mishap: Promise<void> = Promise.resolve();
  #made = 0;
  /** What is thrown where no deed expects it: a mistake of the test. */
  readonly mistakes: unknown[] = [];

  constructor(options: DayOptions) {
    this.#options = options;
    this.#weather = new Weather(options.dice.of('weather'));
    this.#hours = hoursOf(options.dice.of('hours'));
  }

  /** Whether nothing goes wrong now, and has not for a while. */
  calm = (): boolean => {
    const into = this.#elapsed - this.#hour * HOUR_MS;
    if (!this.#options.home.steady) return false;
    return this.#hours[this.#hour] === 'calm' && into < HOUR_MS && (this.#hour === 0 || into > SETTLED_MS);
  };

  get #elapsed(): number {
    return this.#options.clock.monotonic() - this.#startedAt;
  }

  /** From midnight to midnight; afterwards all works again. */
  async pass(): Promise<void> {
    const { clock, simulator, home } = this.#options;
    this.#startedAt = clock.monotonic();
    for (const passing of this.#weather.faults) {
      simulator.faults.add({ on: (target) => this.#weather.meets(target, passing), fault: passing.fault });
    }
    for (const event of this.#plan()) {
      await clock.sleep(Math.max(0, event.at - this.#elapsed));
      // who has its time by another clock shall not miss the day
      await home.ended;
      await this.#begin(event);
    }
    await clock.sleep(Math.max(0, HOURS * HOUR_MS - this.#elapsed));
    await this.#settled();
    await this.#become('calm');
    simulator.faults.clear();
  }

  #plan(): Event[] {
    const { dice, backups } = this.#options;
    const events: Event[] = [];
    const add = (kind: Event['kind'], count: number, from = 0) => {
      const when = dice.of(kind);
      for (let at = 0; at < count; at += 1) {
        events.push({ at: when.between(from, HOURS * HOUR_MS), kind, dice: dice.of(`${kind} ${at}`) });
      }
    };
    add('upload', backups);
    add('list', backups * BESIDES.list);
    add('delete', backups * BESIDES.delete);
    add('download', backups * BESIDES.download);
    add('probe', backups * BESIDES.probe);
    add('stop', STOPS, HOUR_MS);
    add('kill', KILLS, HOUR_MS);
    for (let hour = 0; hour < HOURS; hour += 1)
      events.push({ at: hour * HOUR_MS, kind: 'hour', dice: dice.of(`hour ${hour}`) });
    // automations begin at full minutes, and so things overlap
    return events
      .map((event) => ({ ...event, at: event.at - (event.at % TOGETHER_MS) }))
      .sort((a, b) => a.at - b.at);
  }

  async #begin({ kind, dice }: Event): Promise<void> {
    const { deeds, home } = this.#options;
    if (kind === 'hour') return this.#nextHour(dice);
    if (kind === 'stop' || kind === 'kill') {
      const away = dice.between(0, 3) * MINUTE_MS;
      // not at once: what is under way shall be in the middle
      const strike = async () => {
        await turns(dice.whole(0, MOST_TURNS));
        await (kind === 'stop' ? home.restart(away) : home.kill(away));
      };
      this.#mishap = this.#mishap.then(() => this.#noted(strike()));
      return;
    }
    while (this.#deeds.size >= MOST_AT_ONCE) await Promise.race(this.#deeds);
    const deed = this.#noted(this.#do(kind, dice, deeds)).finally(() => this.#deeds.delete(deed));
    this.#deeds.add(deed);
  }

  async #do(kind: Event['kind'], dice: Dice, deeds: Deeds): Promise<void> {
    const { ledger } = this.#options;
    const there = ledger.ids.filter((id) => ledger.mayBe(id) || ledger.isBusy(id));
    if (kind === 'upload') {
      return deeds.upload(this.#again(there, dice) ?? this.#nextId(), dice);
    }
    if (kind === 'list') return deeds.list(dice);
    if (kind === 'probe') return deeds.probe();
    if (ledger.ids.length === 0) return;
    if (kind === 'download') return deeds.download(this.#oneOf(there, dice), dice);
    for (let more = there.length > KEPT ? 2 : 1; more > 0; more -= 1) {
      const id = this.#oneOf(there, dice);
      await Promise.all([deeds.remove(id), dice.chance(TWICE) ? deeds.remove(id) : undefined]);
    }
  }

  /** Of some uploads nobody knows what became of them, and they are tried again. */
  #again(there: readonly string[], dice: Dice): string | undefined {
    const { ledger } = this.#options;
    const choice = dice.weighted(AGAIN);
    const unclear = there.filter((id) => ledger.states(id).size > 1);
    const from = choice === 'there' ? there : choice === 'unclear' ? unclear : [];
    return from.length > 0 ? dice.pick(from) : undefined;
  }

  /** Mostly one that is there, sometimes one that is being changed or unclear, seldom one that is long gone. */
  #oneOf(there: readonly string[], dice: Dice): string {
    const { ledger } = this.#options;
    const choice = dice.weighted({ sure: 85, there: 11, ever: 4 });
    const sure = there.filter((id) => ledger.isSure(id));
    if (choice === 'sure' && sure.length > 0) return dice.pick(sure);
    return dice.pick(choice === 'ever' || there.length === 0 ? ledger.ids : there);
  }

  #nextId(): string {
    this.#made += 1;
    return this.#made.toString(16).padStart(8, 'a');
  }

  async #noted(work: Promise<void>): Promise<void> {
    await work.catch((error: unknown) => {
      this.mistakes.push(error);
    });
  }

  async #settled(): Promise<void> {
    await this.#mishap;
    await Promise.all(this.#deeds);
  }

  async #nextHour(dice: Dice): Promise<void> {
    this.#hour += 1;
    if (this.#hour === 1) {
      await this.#settled();
      await this.#options.onFirstHour();
    }
    const hour = this.#hours[this.#hour] ?? 'calm';
    this.#options.simulator.requests.length = 0;
    this.#options.home.forgetLog();
    await this.#become(hour, dice);
  }

  async #become(hour: Hour, dice?: Dice): Promise<void> {
    const { simulator, clock } = this.#options;
    this.#weather.set(hour);
    simulator.skew(hour === 'skew' && dice ? dice.between(-1, 1) * SKEW_MS : 0);
    const used = simulator.versions(BUCKET).reduce((sum, { content }) => sum + content.size, 0);
    simulator.quotaBytes = hour === 'quota' ? used + QUOTA_LEFT : Number.POSITIVE_INFINITY;
    const spell = {
      away: this.#away,
      upkeep: this.#refusing('SlowDown', 503),
      locked_out: this.#refusing('InvalidAccessKeyId', 403),
    };
    if (!dice || !(hour in spell)) return;
    const { after, lasts } = spellOf(dice);
    const strike = async () => {
      await clock.sleep(after);
      const lift = await spell[hour as keyof typeof spell]();
      await clock.sleep(lasts);
      await lift();
    };
    // one after the other: what one takes away must not be brought back by another
    this.#mishap = this.#mishap.then(() => this.#noted(strike()));
  }

  #away = async (): Promise<() => Promise<void>> => {
    const { simulator } = this.#options;
    await simulator.refuseConnections();
    return () => simulator.acceptConnections();
  };

  #refusing = (code: string, status: number) => async () => {
    const rule = this.#options.simulator.faults.add({ fault: { kind: 'answer', status, code } });
    return async () => rule.remove();
  };
}

/** Waits for so many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
