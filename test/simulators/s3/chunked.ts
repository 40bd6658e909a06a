import { createHash, type Hash } from 'node:crypto';
import { S3Error } from './errors.ts';
import { hmac, type Signed, same, sha256 } from './signature.ts';

/** Chunks but the last are at least so long ("Signature Calculations: Transferring Payload in Multiple Chunks"). */
const SMALLEST_CHUNK = 8192;
const LONGEST_LINE = 16 * 1024;

type State = 'size' | 'data' | 'data_end' | 'trailer' | 'end';

/** The bodies that are cut into chunks of AWS's own kind, by their `x-amz-content-sha256`. */
export const STREAMING = {
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { signed: false, trailer: true },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { signed: true, trailer: true },
} as const;

export type StreamingPayload = keyof typeof STREAMING;

export function isStreaming(payload: string): payload is StreamingPayload {
  return payload in STREAMING;
}

/** Takes the content out of `aws-chunked`, and checks the signature of each chunk where there is one. */
export class ChunkDecoder {
  /** What came behind the content, by lower-case names. */
  readonly trailers = new Map<string, string>();
  readonly #kind: (typeof STREAMING)[StreamingPayload];
  readonly #head: Signed;
  readonly #onData: (data: Buffer) => void;
  #state: State = 'size';
  #line = '';
  #left = 0;
  #size = 0;
  #shortChunk = false;
  #previous: string;
  #claimed = '';
  #hash: Hash = createHash('sha256');
  #trailerText = '';
  #trailerSignature: string | undefined;

  constructor(payload: StreamingPayload, head: Signed, onData: (data: Buffer) => void) {
    this.#kind = STREAMING[payload];
    this.#head = head;
    this.#previous = head.signature;
    this.#onData = onData;
  }

  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      if (this.#state === 'data') {
        const data = bytes.subarray(at, at + this.#left);
        at += data.length;
        this.#left -= data.length;
        this.#hash.update(data);
        this.#onData(data);
        if (this.#left === 0) this.#state = 'data_end';
        continue;
      }
      if (this.#state === 'end')
        throw new S3Error('IncompleteBody', { message: 'bytes behind the last chunk' });
      const end = bytes.indexOf(0x0a, at);
      this.#line += bytes.toString('latin1', at, end < 0 ? bytes.length : end + 1);
      at = end < 0 ? bytes.length : end + 1;
      if (this.#line.length > LONGEST_LINE) throw broken();
      if (end >= 0) this.#endLine();
    }
  }

  end(): void {
    if (this.#state !== 'end') throw new S3Error('IncompleteBody');
  }

  #endLine(): void {
    if (!this.#line.endsWith('\r\n')) throw broken();
    const line = this.#line.slice(0, -2);
    this.#line = '';
    if (this.#state === 'size') this.#begin(line);
    else if (this.#state === 'data_end') {
      if (line !== '') throw broken();
      this.#checkChunk();
      this.#state = 'size';
    } else this.#endOfTrailer(line);
  }

  #begin(line: string): void {
    const match = /^([0-9a-f]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/i.exec(line);
    if (!match || (match[2] !== undefined) !== this.#kind.signed) throw broken();
    this.#size = Number.parseInt(match[1] as string, 16);
    this.#claimed = match[2] ?? '';
    this.#left = this.#size;
    this.#hash = createHash('sha256');
    if (this.#size > 0) {
      if (this.#shortChunk) throw new S3Error('InvalidChunkSizeError');
      this.#shortChunk = this.#size < SMALLEST_CHUNK;
      this.#state = 'data';
      return;
    }
    this.#checkChunk();
    this.#state = 'trailer';
  }

  #checkChunk(): void {
    if (!this.#kind.signed) return;
    this.#check('AWS4-HMAC-SHA256-PAYLOAD', [sha256(''), this.#hash.digest('hex')], this.#claimed);
  }

  #check(algorithm: string, sums: readonly string[], claimed: string): void {
    const { date, scope, signingKey } = this.#head;
    const toSign = [algorithm, date, scope, this.#previous, ...sums].join('\n');
    this.#previous = hmac(signingKey, toSign).toString('hex');
    if (!same(this.#previous, claimed)) throw new S3Error('SignatureDoesNotMatch');
  }

  #endOfTrailer(line: string): void {
    if (line === '') {
      if (this.#kind.trailer && this.#kind.signed && this.#trailerSignature === undefined) throw broken();
      this.#state = 'end';
      return;
    }
    if (!this.#kind.trailer) throw broken();
    const at = line.indexOf(':');
    const [name, value] = [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
    if (at < 1) throw new S3Error('MalformedTrailerError', { message: 'The trailer is not well-formed' });
    if (name === 'x-amz-trailer-signature') {
      this.#trailerSignature = value;
      this.#check('AWS4-HMAC-SHA256-TRAILER', [sha256(this.#trailerText)], value);
      return;
    }
    this.#trailerText += `${name}:${value}\n`;
    this.trailers.set(name, value);
  }
}

function broken(): S3Error {
  return new S3Error('IncompleteBody', { message: 'The body is not what aws-chunked says' });
}
