import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../../src/kernel/clock.ts';
import { checkBodyHead, receiveBody } from './body.ts';
import type { Answer, Call, Received, World } from './call.ts';
import { S3Error } from './errors.ts';
import type { Fault, Faults } from './faults.ts';
import { checkAllowed, HANDLERS } from './handlers.ts';
import { Gone, Line } from './line.ts';
import { type OperationName, operationOf } from './operations.ts';
import { fixedAnswer, refusal, send } from './sending.ts';
import { type Keys, queryPairs, splitTarget, uriDecode, verifySignature } from './signature.ts';

/** Their checksum headers are about the object that is made. */
const OF_THE_OBJECT: ReadonlySet<OperationName> = new Set(['CompleteMultipartUpload']);

/** Documents are always kept: they are read at once. */
const LARGEST_DOCUMENT = 2 * 1024 * 1024;

/** A request as it went by. */
export interface Recorded {
  readonly method: string;
  /** Undefined for what is no operation. */
  readonly operation: OperationName | undefined;
  readonly bucket: string;
  readonly key: string;
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the request's body that were read, as they came over the line. */
  bytesIn: number;
  /** Bytes of the answer's body that were sent. */
  bytesOut: number;
  /** The status that was sent; undefined as long as, or when, nothing was. */
  status: number | undefined;
  /** The code of a refusal. */
  code: string | undefined;
  /** The faults that struck. */
  readonly faults: Fault[];
}

interface ExchangeContext {
  readonly connection: {
    readonly incoming: IncomingMessage;
    readonly outgoing: ServerResponse;
    readonly socket: Socket;
  };
  /** The client waits to be told to send its body. */
  readonly expects: boolean;
  readonly world: World;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly keys: Keys;
  readonly tls: boolean;
  readonly record: (recorded: Recorded) => void;
  readonly mistake: (error: unknown) => void;
}

function flatHeaders(incoming: IncomingMessage): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(',') : value;
  }
  return flat;
}

/** One request and its answer. */
export class Exchange {
  readonly #context: ExchangeContext;
  readonly #recorded: Recorded;
  readonly #resource: string;
  #line: Line;
  #continued: boolean;
  #parseError: S3Error | undefined;

  constructor(context: ExchangeContext) {
    this.#context = context;
    this.#continued = !context.expects;
    const { incoming } = context.connection;
    const headers = flatHeaders(incoming);
    const [path, query] = splitTarget(incoming.url ?? '/');
    this.#resource = path;
    const about = { bucket: '', key: '', query: new Map<string, string>() };
    let operation: OperationName | undefined;
    try {
      const [, bucket = '', ...key] = uriDecode(path).split('/');
      Object.assign(about, { bucket, key: key.join('/'), query: new Map(queryPairs(query)) });
      const named = {
        bucket: bucket === '' ? undefined : bucket,
        key: about.key === '' ? undefined : about.key,
      };
      operation = operationOf(incoming.method ?? '', named, about.query, 'x-amz-copy-source' in headers);
    } catch (error) {
      this.#parseError = error instanceof S3Error ? error : new S3Error('InvalidURI');
    }
    const faults = operation === undefined ? [] : context.faults.strike({ ...about, headers, operation });
    this.#recorded = {
      ...about,
      method: incoming.method ?? '',
      operation,
      headers,
      bytesIn: 0,
      bytesOut: 0,
      status: undefined,
      code: undefined,
      faults: [...faults],
    };
    this.#line = new Line(context.connection, faults, context.clock);
  }

  async run(): Promise<void> {
    const { incoming, outgoing } = this.#context.connection;
    incoming.on('error', () => undefined);
    outgoing.on('error', () => undefined);
    this.#context.record(this.#recorded);
    try {
      await this.#line.moment('at_once');
      await this.#send(await this.#answer());
    } catch (error) {
      if (error instanceof Gone || outgoing.destroyed || incoming.destroyed) return;
      this.#context.mistake(error);
      outgoing.destroy();
    }
  }

  async #answer(): Promise<Answer> {
    try {
      const fixed = this.#line.of('answer');
      if (fixed && (fixed.when ?? 'at_once') === 'at_once') return this.#fixed(fixed);
      return await this.#work(fixed);
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      this.#recorded.code = error.code;
      return refusal(error, this.#resource);
    }
  }

  #fixed(fault: Extract<Fault, { kind: 'answer' }>): Answer {
    this.#recorded.code = fault.code;
    return fixedAnswer(fault, this.#resource);
  }

  async #work(fixed: Extract<Fault, { kind: 'answer' }> | undefined): Promise<Answer> {
    const { world, keys, tls, connection } = this.#context;
    const { operation, bucket, key, query, headers, method } = this.#recorded;
    const { profile } = world;
    const signed = verifySignature(connection.incoming, {
      keys,
      regions: profile.regions,
      codes: profile.keys,
      now: world.now(),
    });
    if (operation === undefined) throw this.#parseError;
    const head = {
      method,
      headers,
      signed,
      profile,
      keepUpTo: this.#keepUpTo(operation),
      unsummed: OF_THE_OBJECT.has(operation),
    };
    let body: Promise<Received> | undefined;
    const call: Call = {
      world,
      operation,
      bucketName: bucket,
      key,
      query,
      headers,
      tls,
      receive: () => {
        body ??= receiveBody(head, this.#body());
        return body;
      },
    };
    checkAllowed(call);
    checkBodyHead(head);
    if (fixed?.when === 'after_body') {
      await call.receive();
      return this.#fixed(fixed);
    }
    const late = this.#line.of('error_in_200');
    if (late) {
      await call.receive();
      const { body: document, headers: described } = refusal(new S3Error(late.code), this.#resource);
      return {
        status: 200,
        ...(described ? { headers: described } : {}),
        ...(document ? { body: document } : {}),
      };
    }
    const answer = await HANDLERS[operation](call);
    return fixed ? this.#fixed(fixed) : answer;
  }

  #keepUpTo(operation: OperationName): number {
    const { keepUpTo } = this.#context.world;
    const objects = operation === 'PutObject' || operation === 'UploadPart';
    return objects ? keepUpTo : Math.max(keepUpTo, LARGEST_DOCUMENT);
  }

  async *#body(): AsyncGenerator<Buffer> {
    const { incoming, outgoing } = this.#context.connection;
    if (!this.#continued) outgoing.writeContinue();
    this.#continued = true;
    // An answer shall still be possible after a body that was not read to its end.
    const pieces = incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    try {
      for await (const piece of this.#line.tap(pieces, 'request')) {
        this.#recorded.bytesIn += piece.length;
        yield piece;
      }
    } catch (error) {
      if (incoming.errored) throw new Gone();
      throw error;
    }
  }

  async #send(answer: Answer): Promise<void> {
    const { connection, world } = this.#context;
    // The rest of a body that nobody wants; who answers early and closes may cut its own answer.
    if (this.#continued) connection.incoming.resume();
    await send(answer, this.#line, {
      head: this.#recorded.method === 'HEAD',
      now: world.now(),
      close: !this.#continued,
      begun: () => {
        this.#recorded.status = answer.status;
      },
      sent: (bytes) => {
        this.#recorded.bytesOut += bytes;
      },
    });
  }
}
