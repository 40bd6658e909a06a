import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from './files.ts';

const KEY_FILE = 'secret.key';
const KEY_BYTES = 32;
/** The nonce size that GCM is specified for (NIST SP 800-38D). */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 'v1';

/** Thrown when a sealed text cannot be opened: the key file was lost or replaced, or the text was damaged. */
export class SealError extends Error {
  override readonly name = 'SealError';
}

/**
 * Encrypts what the database must not hold in the clear (AES-256-GCM). The key lies in a file beside the
 * database, so that a copy of the database alone gives nothing away.
 */
export class Secrets {
  readonly #key: Buffer;

  constructor(key: Buffer) {
    if (key.length !== KEY_BYTES) throw new SealError(`a key of ${KEY_BYTES} bytes is needed`);
    this.#key = key;
  }

  /** Opens the key file of a data folder, or makes it. */
  static open(dataDir: string): Secrets {
    const path = join(dataDir, KEY_FILE);
    if (!existsSync(path)) {
      writeFileAtomic(path, `${randomBytes(KEY_BYTES).toString('base64')}\n`, {
        mode: 0o600,
        exclusive: true,
      });
    }
    try {
      return new Secrets(Buffer.from(readFileSync(path, 'utf8').trim(), 'base64'));
    } catch (cause) {
      const mend = 'put it back from a copy, or move it away and enter the access keys of the targets again';
      throw new SealError(`the key file ${path} cannot be read: ${mend}`, { cause });
    }
  }

  /** `purpose` is bound to the text: what was sealed for one thing cannot be opened as another. */
  seal(text: string, purpose: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(purpose));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${VERSION}.${sealed.toString('base64url')}`;
  }

  /** @throws SealError */
  unseal(sealed: string, purpose: string): string {
    const [version, body = ''] = sealed.split('.');
    const bytes = Buffer.from(body, 'base64url');
    if (version !== VERSION || bytes.length < NONCE_BYTES + TAG_BYTES)
      throw new SealError('not a sealed text');
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, NONCE_BYTES))
      .setAAD(Buffer.from(purpose))
      .setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return (
        decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
      );
    } catch (error) {
      throw new SealError('the key does not fit or the text was damaged', { cause: error });
    }
  }
}
