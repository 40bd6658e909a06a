// What works with age runs in a process of its own: its code takes 20 MB, a passphrase 64 MiB and longer than the loop of
// the core may stand still.
import { answerParent } from './child.ts';

/** What can be asked for. */
export type AgeQuestion =
  | { readonly kind: 'make key' }
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

answerParent<AgeQuestion>(async (question) => {
  const age = await import('age-encryption');
  if (question.kind === 'make key') {
    const identity = await age.generateX25519Identity();
    return { identity, recipient: await age.identityToRecipient(identity) };
  }
  if (question.kind === 'open') return open(age, question.passphrase, question.bytes);
  const encrypter = new age.Encrypter();
  encrypter.setScryptWorkFactor(WORK);
  encrypter.setPassphrase(question.passphrase);
  return encrypter.encrypt(question.bytes);
});
