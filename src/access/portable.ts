import * as v from 'valibot';
import { Id } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import { type Portable, portable } from '../kernel/portable.ts';
import { AccessStore } from './store.ts';

const Moment = v.pipe(v.number(), v.safeInteger());

const Carried = v.array(
  v.strictObject({
    id: Id,
    name: v.pipe(v.string(), v.maxLength(1_000)),
    hash: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
    created_at: Moment,
    last_used_at: v.nullable(Moment),
  }),
);

/**
 * The tokens that were given, as what is kept of them: the sum by which each is known again. With them Home Assistant
 * stays paired, and nobody who reads the file can come in. They come beside those that are there.
 */
export function portableTokens(clock: Clock): Portable {
  return portable({
    name: 'tokens',
    schema: Carried,
    read: (tables) => new AccessStore(tables(), clock).rows(),
    write: (rows, tables) => new AccessStore(tables(), clock).add(rows),
  });
}
