import { randomBytes } from 'node:crypto';

/** A file in a form, as browsers send it (RFC 7578). */
interface FormFile {
  /** The name of the field. */
  readonly field: string;
  readonly filename: string;
  readonly bytes: Uint8Array;
  readonly type?: string;
}

const quoted = (value: string): string =>
  value.replace(/"/g, '%22').replace(/\r/g, '%0D').replace(/\n/g, '%0A');

/** The body of a form with plain fields and files, in this order, and its content type. */
export function multipart(
  fields: Readonly<Record<string, string>>,
  files: readonly FormFile[],
): { readonly body: Buffer; readonly type: string } {
  const boundary = `----homestash${randomBytes(12).toString('hex')}`;
  const parts: (string | Uint8Array)[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(`--${boundary}\r\nContent-Disposition: form-data; name="${quoted(name)}"\r\n\r\n${value}\r\n`);
  }
  for (const { field, filename, bytes, type = 'application/octet-stream' } of files) {
    const disposition = `form-data; name="${quoted(field)}"; filename="${quoted(filename)}"`;
    parts.push(`--${boundary}\r\nContent-Disposition: ${disposition}\r\nContent-Type: ${type}\r\n\r\n`);
    parts.push(bytes, '\r\n');
  }
  parts.push(`--${boundary}--\r\n`);
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}
