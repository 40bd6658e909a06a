import { expect, test } from 'vitest';
import { systemClock } from '../../src/kernel/clock.ts';
import { RateLimit } from '../../src/kernel/rate-limit.ts';

const MINUTE_MS = 60_000;

const outcome = (limit: RateLimit, key: string): string => {
  try {
    limit.attempt(key);
    return 'allowed';
  } catch (error) {
    return (error as Error).message;
  }
};

test('an address that tries on and on takes nothing from the others', () => {
  const limit = new RateLimit(10, MINUTE_MS, systemClock);
  const guesses = Array.from({ length: 500 }, () => outcome(limit, 'guesser'));
  expect(guesses.filter((one) => one === 'allowed')).toHaveLength(10);
  expect(outcome(limit, 'owner')).toBe('allowed');
});

test('many addresses together are limited, too', () => {
  const limit = new RateLimit(10, MINUTE_MS, systemClock);
  const guesses = Array.from({ length: 500 }, (_, number) => outcome(limit, `guesser ${number}`));
  expect(guesses.filter((one) => one === 'allowed')).toHaveLength(100);
});

test('what somebody tried who turned out to be right no longer counts', () => {
  const limit = new RateLimit(10, MINUTE_MS, systemClock);
  for (let count = 0; count < 10; count += 1) limit.attempt('owner');
  limit.forget('owner');
  expect(outcome(limit, 'owner')).toBe('allowed');
});
