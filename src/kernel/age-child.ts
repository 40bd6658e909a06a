// What works with age runs in a process of its own: its code takes 20 MB, and a passphrase takes longer than the loop
// of the core may stand still.
import { answerParent } from './child.ts';

/** What can be asked for. */
export type AgeQuestion = { readonly kind: 'make key' };

answerParent<AgeQuestion>(async () => {
  const { generateX25519Identity, identityToRecipient } = await import('age-encryption');
  const identity = await generateX25519Identity();
  return { identity, recipient: await identityToRecipient(identity) };
});
