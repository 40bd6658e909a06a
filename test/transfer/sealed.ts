import { Decrypter, Encrypter } from 'age-encryption';

export const PASSPHRASE = 'correct horse battery';

// The real work of a passphrase is not what is tested with files that tests make.
const CHEAP_WORK = 10;

/** An export as the file is opened by anybody who has the passphrase. */
export interface ExportDocument {
  format: string;
  version: number;
  made_by: string;
  made_at: string;
  parts: Record<string, unknown>;
}

export async function unsealed(file: Uint8Array): Promise<ExportDocument> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(PASSPHRASE);
  return JSON.parse(await decrypter.decrypt(file, 'text')) as ExportDocument;
}

/** A file as an export makes it, with anything in it. */
export async function sealed(content: unknown): Promise<Buffer> {
  const encrypter = new Encrypter();
  encrypter.setScryptWorkFactor(CHEAP_WORK);
  encrypter.setPassphrase(PASSPHRASE);
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  return Buffer.from(await encrypter.encrypt(text));
}

/** A whole document with these parts. */
export function documentOf(
  parts: Record<string, unknown>,
  more: Partial<ExportDocument> = {},
): ExportDocument {
  return {
    format: 'homestash-export',
    version: 1,
    made_by: '0.1.0',
    made_at: '2026-11-26T10:00:00.000Z',
    parts,
    ...more,
  };
}
