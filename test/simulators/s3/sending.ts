import { randomBytes } from 'node:crypto';
import type { Answer } from './call.ts';
import { slices } from './content.ts';
import { errorDocument, S3Error } from './errors.ts';
import type { Fault } from './faults.ts';
import type { Line } from './line.ts';

const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';
/** Statuses that never have a body. */
const BODILESS: ReadonlySet<number> = new Set([204, 304]);

/** The answer to a refused request. */
export function refusal(error: S3Error, resource: string): Answer {
  const around = { Resource: resource, RequestId: randomBytes(8).toString('hex').toUpperCase() };
  return {
    status: error.status,
    headers: { ...error.headers, 'content-type': 'application/xml' },
    body: errorDocument(error, around),
  };
}

/** An answer that a fault gives instead. */
export function fixedAnswer(fault: Extract<Fault, { kind: 'answer' }>, resource: string): Answer {
  const { status, code, message, headers = {}, body } = fault;
  if (code === undefined) return { status, headers, body: body ?? '' };
  return refusal(new S3Error(code, { status, message, headers }), resource);
}

/** A list that is less than it seems. */
function mutilated(document: string, how: Extract<Fault, { kind: 'list' }>['how']): string {
  if (how === 'xml_cut') return document.slice(0, Math.floor(document.length / 2));
  if (how === 'no_token') {
    return document
      .replace(/<(NextContinuationToken|NextMarker|NextKeyMarker)>[^<]*<\/\1>/g, '')
      .replace(/<IsTruncated>\w+<\/IsTruncated>/, '<IsTruncated>true</IsTruncated>');
  }
  const entries = document.match(/<(Contents|Version|Upload)>.*?<\/\1>/gs) ?? [];
  return entries
    .slice(Math.ceil(entries.length / 2))
    .reduce((left, entry) => left.replace(entry, ''), document)
    .replace(/<IsTruncated>\w+<\/IsTruncated>/, '<IsTruncated>false</IsTruncated>');
}

function* flipped(pieces: Iterable<Buffer>, byte: number): Generator<Buffer> {
  let at = 0;
  for (const piece of pieces) {
    const index = byte - at;
    at += piece.length;
    if (index < 0 || index >= piece.length) {
      yield piece;
      continue;
    }
    const other = Buffer.from(piece);
    other[index] = (other[index] as number) ^ 1;
    yield other;
  }
}

function piecesOf(answer: Answer, line: Line): Iterable<Buffer> {
  const { body } = answer;
  if (body === undefined || body === '') return [];
  const list = line.of('list');
  const text = typeof body === 'string' && list ? mutilated(body, list.how) : body;
  const whole = typeof text === 'string' ? [Buffer.from(text)] : slices(text.pieces, text.start, text.end);
  const flip = line.of('flip');
  return flip ? flipped(whole, flip.byte) : whole;
}

function lengthOf({ body }: Answer, line: Line): number {
  if (body === undefined) return 0;
  const list = line.of('list');
  if (typeof body === 'string') return Buffer.byteLength(list ? mutilated(body, list.how) : body);
  return body.end - body.start;
}

interface About {
  /** The head of the request was HEAD. */
  readonly head: boolean;
  /** Milliseconds since 1970, as the server believes. */
  readonly now: number;
  /** The connection may not be used again. */
  readonly close: boolean;
  /** Told when the answer begins. */
  readonly begun: () => void;
  /** Told how many bytes of the body were sent. */
  readonly sent: (bytes: number) => void;
}

/** Sends an answer, with whatever faults there are on the line. */
export async function send(answer: Answer, line: Line, about: About): Promise<void> {
  const { outgoing } = line;
  await line.moment('before_answer');
  about.begun();
  const bodiless = about.head || BODILESS.has(answer.status);
  const length = bodiless ? 0 : lengthOf(answer, line);
  const wrong = bodiless ? 0 : (line.of('wrong_length')?.by ?? 0);
  const keepAlive = bodiless || answer.status !== 200 ? undefined : line.of('keep_alive');
  outgoing.sendDate = false;
  const headers: Record<string, string> = {
    date: new Date(about.now).toUTCString(),
    server: 'AmazonS3',
    'x-amz-request-id': randomBytes(8).toString('hex').toUpperCase(),
    'x-amz-id-2': randomBytes(24).toString('base64'),
    ...answer.headers,
    ...(about.close || wrong !== 0 ? { connection: 'close' } : {}),
  };
  if (about.head && typeof answer.body === 'string') delete headers['content-type'];
  if (
    !BODILESS.has(answer.status) &&
    !keepAlive &&
    !(about.head && headers['content-length'] !== undefined)
  ) {
    headers['content-length'] = String(length + wrong);
  }
  outgoing.writeHead(answer.status, headers);
  if (bodiless) {
    outgoing.end();
    return;
  }
  let pieces = piecesOf(answer, line);
  if (keepAlive) {
    await line.write(DECLARATION);
    for (let waited = 0; waited < keepAlive.ms; waited += keepAlive.everyMs) {
      await line.sleep(keepAlive.everyMs);
      await line.write(' ');
    }
    pieces = [Buffer.from([...pieces].join('').replace(DECLARATION, ''))];
  }
  outgoing.flushHeaders();
  for await (const piece of line.tap(pieces, 'answer')) {
    await line.write(piece);
    about.sent(piece.length);
  }
  outgoing.end();
  if (wrong !== 0) line.cut();
}
