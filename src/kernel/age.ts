import type { AgeQuestion, FileToSeal, Opened } from './age-child.ts';
import { askChild, besides } from './child.ts';

/** Both halves of a key, as the `age` tool writes them. */
export interface AgeKey {
  /** Secret: `AGE-SECRET-KEY-1…`. */
  readonly identity: string;
  /** `age1…`: whoever has it can seal, and not open. */
  readonly recipient: string;
}

const ask = <Result>(question: AgeQuestion, signal?: AbortSignal): Promise<Result> =>
  askChild(besides(import.meta.url, 'age-child'), question, signal ? { signal } : {});

/** A new key (X25519). */
export function makeAgeKey(): Promise<AgeKey> {
  return ask({ kind: 'make key' });
}

/** Seals bytes so that `age -d` opens them with the passphrase. */
export function sealWithPassphrase(
  bytes: Uint8Array,
  passphrase: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return ask({ kind: 'seal', bytes, passphrase }, signal);
}

/** Packs files into a tar archive that `age -d` opens with the identity of the recipient; `output` is made anew. */
export function sealFiles(
  { files, recipient, output }: { files: readonly FileToSeal[]; recipient: string; output: string },
  signal: AbortSignal,
): Promise<void> {
  return ask({ kind: 'seal files', files, recipient, output }, signal);
}

/** Opens what a passphrase seals, or says whether that or the file is wrong. */
export function openWithPassphrase(
  bytes: Uint8Array,
  passphrase: string,
  signal: AbortSignal,
): Promise<Opened> {
  return ask({ kind: 'open', bytes, passphrase }, signal);
}
