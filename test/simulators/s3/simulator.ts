import { randomBytes } from 'node:crypto';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Clock, systemClock } from '../../../src/kernel/clock.ts';
import type { World } from './call.ts';
import {
  type Authority,
  type CertificateKind,
  makeAuthority,
  makeServerCertificate,
  type ServerCertificate,
} from './certificates.ts';
import { bytesOf } from './content.ts';
import { Exchange, type Recorded } from './exchange.ts';
import { Faults } from './faults.ts';
import { PROFILES, type Profile, type ProfileName } from './profiles.ts';
import { Bucket, type Retention, type Upload, type Version } from './store.ts';

/** A bucket that is there from the beginning. */
export interface BucketSetup {
  readonly name: string;
  readonly versioning?: boolean;
  /** Object lock, with or without a default retention. */
  readonly lock?: true | { readonly mode: Retention['mode']; readonly days: number };
}

export interface S3SimulatorOptions {
  /** Whose rules; AWS's when left out. */
  readonly profile?: ProfileName | Profile;
  readonly buckets?: readonly (string | BucketSetup)[];
  /** https, with this certificate. */
  readonly tls?: CertificateKind;
  /** The region of the server instead of the profile's own. */
  readonly region?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  /** Time: of objects, of signatures, of what is slow. */
  readonly clock?: Clock;
  /** What chances are thrown with. */
  readonly seed?: number;
  /** Of larger contents only size, CRC-32 and MD5 are kept (bytes); they cannot be read. */
  readonly keepUpTo?: number;
  /** The most entries that a list gives at once, at most 1,000. */
  readonly pageSize?: number;
  /** How long a restoration takes (milliseconds). */
  readonly restoreMs?: number;
}

const SECRET_BYTES = 20;

/** An S3 server with the rules of a provider, and with faults on demand. */
export class S3Simulator {
  readonly faults: Faults;
  readonly profile: Profile;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** All that came since the start or the last reset. */
  readonly requests: Recorded[] = [];
  /** Mistakes of the simulator itself; a test may want to see none. */
  readonly mistakes: unknown[] = [];
  readonly #options: S3SimulatorOptions;
  readonly #clock: Clock;
  readonly #sockets = new Map<number, Socket>();
  readonly #world: World;
  #server: Server | undefined;
  #authority: Authority | undefined;
  readonly #certificates = new Map<CertificateKind, ServerCertificate>();
  #certificate: ServerCertificate | undefined;
  #port = 0;
  #skewMs = 0;

  constructor(options: S3SimulatorOptions) {
    const { profile = 'aws', clock = systemClock, seed = 1 } = options;
    this.#options = options;
    this.#clock = clock;
    const rules = typeof profile === 'string' ? PROFILES[profile] : profile;
    const regions = options.region === undefined ? rules.regions : [options.region];
    this.profile = { ...rules, regions };
    this.region = regions[0] ?? '';
    this.accessKey = options.accessKey ?? 'AKIAHOMESTASHSIMULATOR';
    this.secretKey = options.secretKey ?? randomBytes(SECRET_BYTES).toString('hex');
    this.faults = new Faults(seed);
    this.#world = {
      profile: this.profile,
      buckets: new Map(),
      region: this.region,
      now: () => clock.now() + this.#skewMs,
      keepUpTo: options.keepUpTo ?? Number.POSITIVE_INFINITY,
      pageSize: Math.min(options.pageSize ?? 1000, 1000),
      restoreMs: options.restoreMs ?? 0,
      quotaBytes: Number.POSITIVE_INFINITY,
    };
  }

  async start(): Promise<void> {
    if (this.#options.tls) this.#certificate = this.#certificateOf(this.#options.tls);
    for (const bucket of this.#options.buckets ?? []) this.createBucket(bucket);
    await this.acceptConnections();
  }

  async stop(): Promise<void> {
    await this.refuseConnections();
  }

  /** As it was after the start: only the buckets that were asked for, no faults, nothing recorded. */
  reset(): void {
    this.faults.clear();
    this.requests.length = 0;
    this.mistakes.length = 0;
    this.#skewMs = 0;
    this.quotaBytes = Number.POSITIVE_INFINITY;
    this.#world.buckets.clear();
    for (const bucket of this.#options.buckets ?? []) this.createBucket(bucket);
  }

  /** Nobody listens any more, and every connection is cut: connection refused. */
  async refuseConnections(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = undefined;
    const closed = new Promise((resolve) => server.close(resolve));
    this.cutAll();
    await closed;
  }

  /** Listens again, on the same port. */
  async acceptConnections(): Promise<void> {
    if (this.#server) return;
    const server = this.#certificate
      ? createHttpsServer({ key: this.#certificate.key, cert: this.#certificate.cert })
      : createHttpServer();
    // Who waits is a matter of the faults alone.
    server.requestTimeout = 0;
    server.headersTimeout = 0;
    server.keepAliveTimeout = 0;
    server.on('connection', (socket: Socket) => this.#keep(socket));
    server.on('request', (incoming, outgoing) => this.#handle(incoming, outgoing, false));
    server.on('checkContinue', (incoming, outgoing) => this.#handle(incoming, outgoing, true));
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, '127.0.0.1', resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Another certificate from now on; one that was shown before comes back as it was. */
  async showCertificate(kind: CertificateKind): Promise<void> {
    await this.refuseConnections();
    this.#certificate = this.#certificateOf(kind);
    await this.acceptConnections();
  }

  get port(): number {
    return this.#port;
  }

  get endpoint(): string {
    return `${this.#certificate ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
  }

  /** The authority of the certificate, as PEM. */
  get authority(): string {
    return this.#certificate?.authority ?? '';
  }

  /** TCP connections of clients. */
  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Cuts every connection. */
  cutAll(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  /** The most bytes that a bucket takes. */
  get quotaBytes(): number {
    return this.#world.quotaBytes;
  }

  set quotaBytes(bytes: number) {
    this.#world.quotaBytes = bytes;
  }

  createBucket(setup: string | BucketSetup): void {
    const { name, versioning = false, lock } = typeof setup === 'string' ? { name: setup } : setup;
    const bucket = new Bucket(name, this.#world.now());
    if (versioning || lock || this.profile.versioning === 'always') bucket.versioning = 'Enabled';
    if (lock) bucket.lock = lock === true ? {} : { retention: lock };
    this.#world.buckets.set(name, bucket);
  }

  /** The bucket is gone with all that is in it; what it was can be put back. */
  vanish(name: string): () => void {
    const bucket = this.#bucket(name);
    this.#world.buckets.delete(name);
    return () => this.#world.buckets.set(name, bucket);
  }

  /** Puts the server's clock ahead of the real one (milliseconds). */
  skew(ms: number): void {
    this.#skewMs = ms;
  }

  /** What a list would show. */
  objects(bucket: string): readonly Version[] {
    const kept = this.#bucket(bucket);
    return kept.keys().flatMap((key) => kept.visible(key) ?? []);
  }

  /** Every version and delete marker that is kept. */
  versions(bucket: string): readonly Version[] {
    return this.#bucket(bucket).allVersions();
  }

  /** Uploads in parts that were neither completed nor aborted: orphans. */
  uploads(bucket: string): readonly Upload[] {
    return [...this.#bucket(bucket).uploads.values()];
  }

  /** The bytes of a visible object. */
  content(bucket: string, key: string): Buffer {
    const version = this.#bucket(bucket).visible(key);
    if (!version) throw new Error(`${bucket} has no ${key}`);
    return bytesOf(version.content);
  }

  #certificateOf(kind: CertificateKind): ServerCertificate {
    this.#authority ??= makeAuthority();
    const certificate = this.#certificates.get(kind) ?? makeServerCertificate(kind, this.#authority);
    this.#certificates.set(kind, certificate);
    return certificate;
  }

  #bucket(name: string): Bucket {
    const bucket = this.#world.buckets.get(name);
    if (!bucket) throw new Error(`there is no bucket ${name}`);
    return bucket;
  }

  #keep(socket: Socket): void {
    const port = socket.remotePort ?? 0;
    this.#sockets.set(port, socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(port));
  }

  #handle(incoming: IncomingMessage, outgoing: ServerResponse, expects: boolean): void {
    // Over TLS the request knows only the upper one.
    const socket = this.#sockets.get(incoming.socket.remotePort ?? 0) ?? incoming.socket;
    const exchange = new Exchange({
      connection: { incoming, outgoing, socket },
      expects,
      world: this.#world,
      clock: this.#clock,
      faults: this.faults,
      keys: { accessKey: this.accessKey, secretKey: this.secretKey },
      tls: this.#certificate !== undefined,
      record: (recorded) => this.requests.push(recorded),
      mistake: (error) => this.mistakes.push(error),
    });
    void exchange.run();
  }
}
