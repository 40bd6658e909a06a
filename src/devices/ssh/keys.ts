import { createHash } from 'node:crypto';
import type { ParsedKey } from 'ssh2';
import { Problem } from '../../kernel/errors.ts';

/** The fingerprint of a host key as OpenSSH shows it: `SHA256:` and base64 without padding. */
export function fingerprintOf(hostKey: Buffer): string {
  return `SHA256:${createHash('sha256').update(hostKey).digest('base64').replace(/=+$/, '')}`;
}

/**
 * Reads a private key. A key that is encrypted and does not open is a wrong password: nothing is sent then.
 * @throws Problem `device_password`, `device_failed`
 */
export async function readPrivateKey(text: string, passphrase: string, host: string): Promise<ParsedKey> {
  const { default: ssh2 } = await import('ssh2');
  // what is copied out of a terminal or from Windows ends its lines otherwise
  const pem = `${text.replace(/\r\n?/g, '\n').trim()}\n`;
  const found = ssh2.utils.parseKey(pem, passphrase === '' ? undefined : passphrase) as
    | ParsedKey
    | ParsedKey[]
    | Error;
  const key = Array.isArray(found) ? found[0] : found;
  if (key instanceof Error && /passphrase|decrypt|integrity/i.test(key.message)) {
    throw new Problem('device_password', { params: { host } });
  }
  if (key === undefined || key instanceof Error || !key.isPrivateKey()) {
    throw new Problem('device_failed', { params: { host, reason: 'the private key cannot be read' } });
  }
  return key;
}
