import { FAULTS, type Fault, type FaultTarget, type OperationName } from '../simulators/s3/index.ts';
import type { Dice } from './dice.ts';

const KIB = 1024;
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** How many variants of each fault there are: each is cut elsewhere, waits for another time. */
const VARIANTS = 6;

/** The share of requests that meet a fault. */
const SHARE = { showers: 0.1, storm: 0.35 } as const;

const SENDING = ['PutObject', 'UploadPart'] as const;
const COMPLETE = ['CompleteMultipartUpload'] as const;

interface PassingFault {
  readonly fault: Fault;
  /** What it can happen to; everything where left out. */
  readonly on?: readonly OperationName[];
}

/** One fault of each kind, with chances of its own. */
function faultsOf(dice: Dice): PassingFault[] {
  const reset = dice.chance(0.5);
  const pause = dice.whole(100, 8_000);
  return [
    { fault: FAULTS.slowDown() },
    { fault: FAULTS.slowDown(dice.whole(1, 20)) },
    { fault: FAULTS.tooManyRequests(dice.whole(1, 5)) },
    { fault: FAULTS.internalError },
    { fault: { ...FAULTS.internalError, when: 'after_work' } },
    { fault: FAULTS.badGateway },
    { fault: { kind: 'cut', at: 'at_once', reset } },
    { fault: { kind: 'cut', at: 'before_answer', reset } },
    { fault: { kind: 'cut', at: 'request', after: dice.whole(0, 300 * KIB), reset }, on: SENDING },
    { fault: { kind: 'cut', at: 'answer', after: dice.whole(0, 300 * KIB), reset }, on: ['GetObject'] },
    { fault: { kind: 'cut', at: 'answer', after: dice.whole(0, 2 * KIB), reset } },
    { fault: FAULTS.badDigest, on: SENDING },
    { fault: { kind: 'error_in_200', code: 'InternalError' }, on: COMPLETE },
    { fault: { kind: 'keep_alive', ms: 3 * pause, everyMs: 1_000 }, on: COMPLETE },
    { fault: { ...FAULTS.emptyOk, when: 'after_work' }, on: COMPLETE },
    { fault: FAULTS.hang },
    { fault: { kind: 'stall', at: 'before_answer', ms: pause } },
    { fault: { kind: 'stall', at: 'before_answer' } },
    { fault: { kind: 'stall', at: 'request', after: dice.whole(0, 300 * KIB) }, on: SENDING },
    { fault: { kind: 'stall', at: 'answer', after: dice.whole(0, 300 * KIB) } },
  ];
}

/** How an hour goes. In calm ones nothing goes wrong at all. */
export type Hour = 'calm' | 'showers' | 'storm' | 'away' | 'skew' | 'quota' | 'upkeep' | 'locked_out';

const HOURS: Readonly<Record<Hour, number>> = {
  calm: 5,
  showers: 10,
  storm: 2,
  away: 2,
  skew: 1,
  quota: 1,
  upkeep: 1,
  locked_out: 1,
};

/** A day that begins calmly. */
export function hoursOf(dice: Dice): Hour[] {
  const hours = (Object.keys(HOURS) as Hour[]).flatMap((hour) => new Array<Hour>(HOURS[hour]).fill(hour));
  return ['calm', ...dice.shuffled(hours)];
}

/** How long something that is as bad as that lasts, and when in the hour it begins (milliseconds). */
export function spellOf(dice: Dice): { readonly after: number; readonly lasts: number } {
  return { after: dice.between(0, 0.4) * HOUR_MS, lasts: dice.between(3, 20) * MINUTE_MS };
}

/** What decides which requests meet a fault. */
export class Weather {
  readonly #dice: Dice;
  readonly faults: readonly PassingFault[];
  readonly #seen = new Map<string, number>();
  readonly #struck = new WeakMap<FaultTarget, PassingFault | undefined>();
  #share = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
    const kinds = Array.from({ length: VARIANTS }, (_, at) => faultsOf(dice.of(`variant ${at}`)));
    this.faults = kinds.flat();
  }

  set(hour: Hour): void {
    this.#share = hour === 'showers' || hour === 'storm' ? SHARE[hour] : 0;
  }

  /**
   * Whether a request meets this fault. What the third request for something meets depends on the seed and on
   * nothing else, so that a day goes much the same again.
   */
  meets(target: FaultTarget, passing: PassingFault): boolean {
    if (!this.#struck.has(target)) this.#struck.set(target, this.#throw(target));
    return this.#struck.get(target) === passing;
  }

  #throw({ operation, key, query }: FaultTarget): PassingFault | undefined {
    const name = `${operation} ${key} ${query.get('partNumber') ?? ''}`;
    const times = (this.#seen.get(name) ?? 0) + 1;
    this.#seen.set(name, times);
    const dice = this.#dice.of(`${name} ${times}`);
    if (!dice.chance(this.#share)) return undefined;
    return dice.pick(this.faults.filter(({ on }) => on?.includes(operation) ?? true));
  }
}
