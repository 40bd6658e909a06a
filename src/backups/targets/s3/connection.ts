import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3Settings } from '../../../contract/index.ts';
import { Problem } from '../../../kernel/errors.ts';
import type { TargetContext } from '../target.ts';
import { type Address, addressOf } from './address.ts';
import { Agents } from './agents.ts';
import { askedPause, classify, type Operation, retryable, retryablePatiently } from './classify.ts';
import { type Encryption, encryptionOf, refused } from './encryption.ts';
import { faultOf } from './fault.ts';
import { WatchfulHandler } from './handler.ts';
import { type HttpProxy, proxyOf } from './proxy.ts';
import { LONGEST_ASKED_MS, LONGEST_ASKED_PATIENT_MS, PATIENT_ATTEMPTS, retrying } from './retry.ts';

/** A server that does not accept a connection in this time is not there. */
const CONNECT_TIMEOUT_MS = 10_000;

/** The tunnel and what is behind it have limits of their own, which know better what was late. */
const PROXIED_CONNECT_TIMEOUT_MS = 3 * CONNECT_TIMEOUT_MS;

/** A small request that is not answered in this time: with one more try still below the two minutes that the shim waits. */
const SMALL_REQUEST_MS = 40_000;

/** What is said of a server whose certificate was refused. */
const CERTIFICATE_REFUSED = ['target_tls_untrusted', 'target_tls_name', 'target_tls_expired'] as const;

const nothing = (): void => undefined;

/** The SDK writes warnings to the console unless it is given something else; what matters is in our problems. */
const SILENT_LOGGER = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** What a request is sent with. */
export interface Via {
  readonly client: S3Client;
  readonly http: { readonly abortSignal: AbortSignal };
  /** Ends this attempt with a reason of ours. */
  readonly giveUp: (reason: Problem) => void;
}

/** How a request is sent, and for what it is patient. */
export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  /** The object that is meant, as the bucket knows it; for the words of a problem. */
  readonly key?: string;
  /** How often it is tried in all; without a number as often as is usual. */
  readonly attempts?: number;
  /** Hours of an upload hang on it: a line that is gone for a moment does not end it. */
  readonly patient?: boolean;
  /** The server is asked to encrypt what is sent. */
  readonly encrypting?: boolean;
  /** The answer has no body, so a refusal has no document. */
  readonly bodiless?: boolean;
  /** The body is read by whoever called, at their pace: silence is watched there. */
  readonly streaming?: boolean;
  /** May take minutes on some servers: the making of an object of its parts. */
  readonly slow?: boolean;
}

/** So many of the newest requests tell how far away the store is. */
const ROUND_TRIPS = 8;

/** The way to one bucket: clients, sockets, retries, and problems instead of errors. */
export class Connection {
  readonly address: Address;
  readonly bucket: string;
  /** Of archives; empty for the server's own choice. */
  readonly storageClass: string;
  readonly encryption: Encryption;
  readonly context: TargetContext;
  readonly #proxy: HttpProxy | undefined;
  readonly #agents: Agents;
  readonly #client: S3Client;
  readonly #streamingClient: S3Client;
  #roundTrips: number[] = [];
  /** Why nothing can work with these settings; said with each request, so that a core with such a target starts. */
  #broken: Problem | undefined;

  constructor(settings: S3Settings, context: TargetContext) {
    this.address = addressOf(settings);
    this.bucket = settings.bucket;
    this.storageClass = settings.storage_class;
    const { tls, loopback } = this.address;
    this.encryption = encryptionOf(settings, !tls && !loopback);
    this.context = context;
    this.#proxy = proxyOf(settings);
    this.#agents = new Agents({
      host: this.address.host,
      endpoint: new URL(`${this.address.tls ? 'https' : 'http'}://${this.address.host}`),
      proxy: this.#proxy,
      secureContext: this.#trusting(settings.ca_certificate),
      pin: settings.certificate_pin,
      // A way of two steps, which must end before the whole attempt does.
      connectTimeoutMs: Math.min(CONNECT_TIMEOUT_MS, context.idleTimeoutMs / 3),
    });
    if (this.encryption.customer.SSECustomerKey && !tls && !loopback) this.#broken ??= refused('https');
    this.#client = this.#clientFor(settings, context.idleTimeoutMs);
    // A slow reader is no silent server, and the socket cannot tell them apart.
    this.#streamingClient = this.#clientFor(settings, 0);
  }

  /**
   * Sends a request, again where that may help, and throws nothing but problems and the signal's reason.
   * `send` is called once for each attempt; an attempt that failed is cut off from its socket before the next begins.
   */
  async run<T>(operation: Operation, send: (via: Via) => Promise<T>, options: RunOptions = {}): Promise<T> {
    const { signal, patient, streaming } = options;
    const small = !(patient || streaming || options.slow);
    const attempts = options.attempts ?? (patient ? PATIENT_ATTEMPTS : undefined);
    const { clock } = this.context;
    signal?.throwIfAborted();
    if (this.#broken) throw this.#broken;
    const attempt = async (): Promise<T> => {
      const own = new AbortController();
      const abortSignal = signal ? AbortSignal.any([signal, own.signal]) : own.signal;
      const answered = new AbortController();
      if (small) this.#limit(own, answered.signal);
      const before = clock.monotonic();
      const answer = () => {
        if (small) this.#noteRoundTrip(clock.monotonic() - before);
      };
      try {
        const output = await send({
          client: streaming ? this.#streamingClient : this.#client,
          http: { abortSignal },
          giveUp: (reason) => own.abort(reason),
        });
        answer();
        return output;
      } catch (error) {
        // A connection that was refused at once says nothing of how far away the store is.
        if (faultOf(error).status !== undefined) answer();
        const reason = own.signal.aborted ? own.signal.reason : error;
        // A refusal may come while the body is still being sent, out of a buffer that will be used for something else.
        own.abort();
        throw reason;
      } finally {
        answered.abort();
      }
    };
    try {
      return await retrying(attempt, {
        clock,
        signal,
        retryable: patient ? retryablePatiently : retryable,
        asked: (error) => Math.min(askedPause(error), patient ? LONGEST_ASKED_PATIENT_MS : LONGEST_ASKED_MS),
        ...(attempts === undefined ? {} : { attempts }),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw await this.#withFingerprint(this.problem(error, operation, options));
    }
  }

  /** The problem for what was thrown in the middle of something. */
  problem(error: unknown, operation: Operation, options: RunOptions): Problem {
    const { host, region, tls } = this.address;
    const { key, bodiless, encrypting } = options;
    return classify(error, {
      operation,
      host,
      region,
      bucket: this.bucket,
      storageClass: this.storageClass,
      key,
      bodiless,
      encrypting,
      proxy: this.#proxy && { host: this.#proxy.host, answers: !tls },
      now: this.context.clock.now(),
    });
  }

  /** Who is told that a certificate is not trusted may want to trust this one. */
  async #withFingerprint(problem: Problem): Promise<Problem> {
    if (!CERTIFICATE_REFUSED.some((code) => code === problem.code)) return problem;
    const fingerprint = await this.#agents.fingerprint();
    if (fingerprint === undefined) return problem;
    return new Problem(problem.code, { params: { ...problem.params, fingerprint }, cause: problem.cause });
  }

  /** Ends an attempt with `target_timeout` unless it is answered soon. */
  #limit(attempt: AbortController, answered: AbortSignal): void {
    const limit = Math.min(SMALL_REQUEST_MS, this.context.idleTimeoutMs);
    this.context.clock.sleep(limit, answered).then(
      () => attempt.abort(new Problem('target_timeout', { params: { host: this.address.host } })),
      () => undefined,
    );
  }

  /** The quickest of the newest small requests (milliseconds): what is slower waited for something else. */
  get roundTripMs(): number | undefined {
    return this.#roundTrips.length === 0 ? undefined : Math.min(...this.#roundTrips);
  }

  #noteRoundTrip(ms: number): void {
    this.#roundTrips = [ms, ...this.#roundTrips].slice(0, ROUND_TRIPS);
  }

  /** For what this server said although the SDK took it for an answer. */
  notS3(): Problem {
    return new Problem('target_not_s3', { params: { host: this.address.host } });
  }

  close(): void {
    this.#client.destroy();
    this.#streamingClient.destroy();
    this.#agents.destroy();
  }

  #clientFor(settings: S3Settings, idleTimeoutMs: number): S3Client {
    const { endpoint, region, pathStyle } = this.address;
    return new S3Client({
      endpoint,
      region,
      forcePathStyle: pathStyle,
      credentials: { accessKeyId: settings.access_key, secretAccessKey: settings.secret_key },
      // Checksums in trailers are what R2, B2, Storj, OVH and others refuse; ours are set by hand where they cost nothing.
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // A server that does not know `100-continue` would cost six seconds for each part.
      expectContinueHeader: false,
      // The SDK does not repeat streams, and its pauses know no clock of ours.
      maxAttempts: 1,
      logger: SILENT_LOGGER,
      // Otherwise files and variables that are meant for other programs are read.
      useArnRegion: false,
      disableS3ExpressSessionAuth: true,
      requestHandler: this.#handlerFor(idleTimeoutMs),
    });
  }

  /** `idleTimeoutMs`: 0 where whoever reads an answer watches it. */
  #handlerFor(idleTimeoutMs: number): NodeHttpHandler {
    const options = {
      connectionTimeout: this.#proxy ? PROXIED_CONNECT_TIMEOUT_MS : CONNECT_TIMEOUT_MS,
      socketTimeout: idleTimeoutMs,
      httpAgent: this.#agents.http,
      httpsAgent: this.#agents.https,
    };
    if (idleTimeoutMs === 0) return new NodeHttpHandler(options);
    return new WatchfulHandler(options, { clock: this.context.clock, idleTimeoutMs });
  }

  /** The person's certificate authority beside the usual ones; a single server's own certificate will do, too. */
  #trusting(pem: string): SecureContext | undefined {
    if (pem.trim() === '') return undefined;
    try {
      // Node takes nonsense for a list without certificates, and says nothing.
      new X509Certificate(pem);
      const ca = [...getCACertificates('default'), pem];
      return createSecureContext({ ca, allowPartialTrustChain: true });
    } catch (cause) {
      this.#broken = new Problem('target_ca_unreadable', { cause });
      return undefined;
    }
  }
}
