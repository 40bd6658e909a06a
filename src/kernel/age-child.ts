// What works with age runs in a process of its own: its code takes 20 MB, a passphrase 64 MiB and longer than the loop of
// the core may stand still.
import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { answerParent } from './child.ts';

/** A file, and its name in the archive. */
export interface FileToSeal {
  readonly path: string;
  readonly name: string;
}

/** What can be asked for. */
export type AgeQuestion =
  | { readonly kind: 'make key' }
  | {
      readonly kind: 'seal files';
      readonly files: readonly FileToSeal[];
      readonly recipient: string;
      readonly output: string;
    }
  | { readonly kind: 'seal' | 'open'; readonly passphrase: string; readonly bytes: Uint8Array };

/** What comes of opening a file. */
export type Opened = { readonly bytes: Uint8Array } | { readonly fault: 'passphrase' | 'file' };

/** The base-2 logarithm of scrypt's work: 64 MiB, since a box with 1 GB does it; a guess costs as much. */
const WORK = 16;

/** How age says that the file is one, and that this passphrase is not the one. */
const WRONG_PASSPHRASE = /no identity matched/;

async function open(
  age: typeof import('age-encryption'),
  passphrase: string,
  bytes: Uint8Array,
): Promise<Opened> {
  const decrypter = new age.Decrypter();
  decrypter.addPassphrase(passphrase);
  try {
    return { bytes: await decrypter.decrypt(bytes) };
  } catch (error) {
    return { fault: WRONG_PASSPHRASE.test(String(error)) ? 'passphrase' : 'file' };
  }
}

/** Packs and seals file by file: nothing is held as a whole. */
async function sealFiles(
  age: typeof import('age-encryption'),
  { files, recipient, output }: Extract<AgeQuestion, { kind: 'seal files' }>,
): Promise<void> {
  const { pack } = await import('tar-stream');
  const archive = pack();
  const packing = (async () => {
    for (const { path, name } of files) {
      const { size, mtime } = await stat(path);
      const entry = archive.entry({ name, size, mtime, mode: 0o600 });
      createReadStream(path)
        .on('error', (error) => archive.destroy(error))
        .pipe(entry);
      await once(entry, 'finish');
    }
    archive.finalize();
  })();
  packing.catch((error) => archive.destroy(error));
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(recipient);
  // its entries come as a stream of Node's own kind
  const plain = Readable.toWeb(Readable.from(archive)) as ReadableStream<Uint8Array>;
  const sealed = Readable.fromWeb((await encrypter.encrypt(plain)) as never);
  await pipeline(sealed, createWriteStream(output, { flags: 'wx', mode: 0o600, flush: true }));
  await packing;
}

answerParent<AgeQuestion>(async (question) => {
  const age = await import('age-encryption');
  if (question.kind === 'make key') {
    const identity = await age.generateX25519Identity();
    return { identity, recipient: await age.identityToRecipient(identity) };
  }
  if (question.kind === 'seal files') return sealFiles(age, question);
  if (question.kind === 'open') return open(age, question.passphrase, question.bytes);
  const encrypter = new age.Encrypter();
  encrypter.setScryptWorkFactor(WORK);
  encrypter.setPassphrase(question.passphrase);
  return encrypter.encrypt(question.bytes);
});
