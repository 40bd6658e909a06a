import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { encodeCrc } from '../../crc.ts';
import type { Sum } from './checksums.ts';
import type { Payload } from './part-buffer.ts';

/** The member of a command that carries the sum of its body. */
export async function sumOf(
  payload: Payload,
  sum: Sum,
): Promise<{ ChecksumCRC32?: string; ContentMD5?: string }> {
  if (sum === 'none') return {};
  if (sum === 'crc32') return { ChecksumCRC32: payload.crc32 };
  const hash = createHash('md5');
  for await (const chunk of payload.read()) hash.update(chunk as Buffer);
  return { ContentMD5: hash.digest('base64') };
}

/**
 * The sum that S3 keeps of an object of parts: the CRC-32 of the parts' CRC-32s, and how many there are ("composite").
 * Undefined where not every part was sent with one.
 */
export function compositeCrc(parts: readonly (string | undefined)[]): string | undefined {
  let sum = 0;
  for (const part of parts) {
    if (part === undefined) return undefined;
    sum = crc32(Buffer.from(part, 'base64'), sum);
  }
  return `${encodeCrc(sum)}-${parts.length}`;
}
