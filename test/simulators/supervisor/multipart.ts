import { writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { ApiFault } from './answers.ts';

const HEAD_END = Buffer.from('\r\n\r\n');

/** Writes the one part of a multipart body into a file; all of it is in memory meanwhile, as tests are small. */
export async function receivePart(request: IncomingMessage, path: string): Promise<void> {
  const boundary = /boundary="?([^";]+)"?/.exec(request.headers['content-type'] ?? '')?.[1];
  if (boundary === undefined) throw new ApiFault(400, 'Invalid multipart');
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const start = body.indexOf(HEAD_END) + HEAD_END.length;
  const end = body.lastIndexOf(`\r\n--${boundary}`);
  if (start < HEAD_END.length || end < start) throw new ApiFault(400, 'Invalid multipart');
  writeFileSync(path, body.subarray(start, end));
}
