import type { OperationName } from './operations.ts';

/** When something happens to a request. */
export type Moment =
  /** The head of the request is here, and nothing else is looked at. */
  | 'at_once'
  /** After so many bytes of the request's body. */
  | 'request'
  /** The work is done. */
  | 'before_answer'
  /** The head of the answer and so many bytes of its body are sent. */
  | 'answer';

interface FixedAnswer {
  readonly kind: 'answer';
  readonly status: number;
  /** An S3 error of this code; for another body see `body`. */
  readonly code?: string;
  readonly message?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Usually at once; `after_body` when the body was read and summed, `after_work` when all was done as asked. */
  readonly when?: 'at_once' | 'after_body' | 'after_work';
}

/** What goes wrong. Times are milliseconds of the injected clock. */
export type Fault =
  | FixedAnswer
  /** The connection ends: with FIN, or with RST. At `before_answer` the work was done and the answer is lost. */
  | { readonly kind: 'cut'; readonly at: Moment; readonly after?: number; readonly reset?: boolean }
  /** Nothing moves any more, or not for a while. */
  | { readonly kind: 'stall'; readonly at: Moment; readonly after?: number; readonly ms?: number }
  | { readonly kind: 'slow'; readonly at: 'request' | 'answer'; readonly bytesPerSecond: number }
  /** 200, and an error document in it; the work was not done. */
  | { readonly kind: 'error_in_200'; readonly code: string }
  /** 200 at once, whitespace for a while, then the document ("CompleteMultipartUpload"). */
  | { readonly kind: 'keep_alive'; readonly ms: number; readonly everyMs: number }
  /** One bit of the answer's body is another. */
  | { readonly kind: 'flip'; readonly byte: number }
  /** Content-Length says more (or less) than comes. */
  | { readonly kind: 'wrong_length'; readonly by: number }
  /** A list that is not whole: truncated without saying how to go on, entries left out, the document cut. */
  | { readonly kind: 'list'; readonly how: 'no_token' | 'page_cut' | 'xml_cut' };

/** What a fault may look at. */
export interface FaultTarget {
  readonly operation: OperationName;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
}

interface Matcher {
  readonly operation?: OperationName | readonly OperationName[];
  readonly bucket?: string;
  /** The whole key, or a pattern in it. */
  readonly key?: string | RegExp;
  readonly partNumber?: number;
}

export interface FaultRule {
  /** Every request, when left out. */
  readonly on?: Matcher | ((target: FaultTarget) => boolean);
  readonly fault: Fault;
  /** How often; for ever when left out. */
  readonly times?: number;
  /** So many matching requests are let pass first. */
  readonly skip?: number;
  /** Between 0 and 1; thrown with the seed of the simulator. */
  readonly probability?: number;
}

export interface FaultHandle {
  /** How often it has struck. */
  readonly hits: number;
  remove(): void;
}

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function matches(on: FaultRule['on'], target: FaultTarget): boolean {
  if (on === undefined) return true;
  if (typeof on === 'function') return on(target);
  const { operation, bucket, key, partNumber } = on;
  if (operation !== undefined && ![operation].flat().includes(target.operation)) return false;
  if (bucket !== undefined && bucket !== target.bucket) return false;
  if (typeof key === 'string' ? key !== target.key : key !== undefined && !key.test(target.key)) return false;
  return partNumber === undefined || String(partNumber) === target.query.get('partNumber');
}

class Active implements FaultHandle {
  hits = 0;
  seen = 0;
  readonly rule: FaultRule;
  readonly remove: () => void;

  constructor(rule: FaultRule, remove: (active: Active) => void) {
    this.rule = rule;
    this.remove = () => remove(this);
  }
}

/** The faults that are waiting for their requests. */
export class Faults {
  readonly #active = new Set<Active>();
  readonly #seed: number;
  #random: () => number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  add(rule: FaultRule): FaultHandle {
    const active = new Active(rule, (one) => this.#active.delete(one));
    this.#active.add(active);
    return active;
  }

  /** Everything works again. */
  clear(): void {
    this.#active.clear();
    this.#random = seededRandom(this.#seed);
  }

  /** All faults that strike this request, each counted. */
  strike(target: FaultTarget): readonly Fault[] {
    const struck: Fault[] = [];
    for (const active of this.#active) {
      const { on, fault, times = Number.POSITIVE_INFINITY, skip = 0, probability = 1 } = active.rule;
      if (!matches(on, target)) continue;
      active.seen += 1;
      if (active.seen <= skip || active.hits >= times) continue;
      if (probability < 1 && this.#random() >= probability) continue;
      active.hits += 1;
      struck.push(fault);
    }
    return struck;
  }
}
