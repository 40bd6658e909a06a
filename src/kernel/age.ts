import type { AgeQuestion } from './age-child.ts';
import { askChild, besides } from './child.ts';

/** Both halves of a key, as the `age` tool writes them. */
export interface AgeKey {
  /** Secret: `AGE-SECRET-KEY-1…`. */
  readonly identity: string;
  /** `age1…`: whoever has it can seal, and not open. */
  readonly recipient: string;
}

const ask = <Result>(question: AgeQuestion): Promise<Result> =>
  askChild(besides(import.meta.url, 'age-child'), question);

/** A new key (X25519). */
export function makeAgeKey(): Promise<AgeKey> {
  return ask({ kind: 'make key' });
}
