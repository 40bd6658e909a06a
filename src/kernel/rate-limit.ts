import type { Clock } from './clock.ts';
import { Problem } from './errors.ts';

/** Addresses remembered at once; an attacker with more of them is slowed by the common limit instead. */
const MAX_KEYS = 1_000;

/**
 * Allows `limit` attempts within `windowMs` for each key, and ten times as many for all keys together.
 * @throws Problem `rate_limited`
 */
export class RateLimit {
  readonly #limit: number;
  readonly #windowMs: number;
  readonly #clock: Clock;
  readonly #attempts = new Map<string, number[]>();

  constructor(limit: number, windowMs: number, clock: Clock) {
    this.#limit = limit;
    this.#windowMs = windowMs;
    this.#clock = clock;
  }

  attempt(key: string): void {
    // first its own: what one address tries in vain must not use up what is left for the others
    this.#count(`key:${key}`, this.#limit);
    this.#count('', this.#limit * 10);
  }

  /** Somebody turned out to be who they said: their attempts no longer count. */
  forget(key: string): void {
    this.#attempts.delete(`key:${key}`);
  }

  #count(key: string, limit: number): void {
    const now = this.#clock.monotonic();
    const recent = (this.#attempts.get(key) ?? []).filter((time) => now - time < this.#windowMs);
    const oldest = recent[0];
    if (oldest !== undefined && recent.length >= limit) {
      this.#attempts.set(key, recent);
      const seconds = Math.ceil((this.#windowMs - (now - oldest)) / 1000);
      throw new Problem('rate_limited', { params: { seconds: String(seconds) } });
    }
    recent.push(now);
    this.#attempts.delete(key);
    this.#attempts.set(key, recent);
    if (this.#attempts.size > MAX_KEYS) {
      const eldest = this.#attempts.keys().find((candidate) => candidate !== '');
      if (eldest !== undefined) this.#attempts.delete(eldest);
    }
  }
}
