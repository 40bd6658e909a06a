import { createHash, randomBytes } from 'node:crypto';

const USER = 'admin';
const sha256 = (words: readonly string[]): string =>
  createHash('sha256').update(words.join(':')).digest('hex');

/** What a call within a WebSocket says of who calls. */
export interface FrameAuth {
  readonly realm?: unknown;
  readonly username?: unknown;
  readonly nonce?: unknown;
  readonly cnonce?: unknown;
  readonly nc?: unknown;
  readonly response?: unknown;
  readonly algorithm?: unknown;
}

/** Sign-ins to a device of the second generation: digest with SHA-256 (RFC 7616), in HTTP and in frames of a WebSocket. */
export class ShellyAuth {
  /** Empty: everybody may call. */
  password = '';
  /** Answers to challenges that were wrong. */
  failures = 0;
  readonly realm: string;
  /** Counts by nonce: one that was used is not taken again with the same count. */
  readonly #nonces = new Map<string, number>();

  constructor(realm: string) {
    this.realm = realm;
  }

  /** The value of `WWW-Authenticate`. */
  challenge(): string {
    return `Digest qop="auth", realm="${this.realm}", nonce="${this.#nonce()}", algorithm=SHA-256`;
  }

  /** The message of error 401 in a frame. */
  frameChallenge(): string {
    const nonce = Number(this.#nonce());
    return JSON.stringify({ auth_type: 'digest', nonce, nc: 1, realm: this.realm, algorithm: 'SHA-256' });
  }

  /** Whether a header answers a challenge of ours. */
  accepts(header: string | undefined, method: string, uri: string): boolean {
    if (this.password === '') return true;
    if (!header?.startsWith('Digest ')) return false;
    const said = Object.fromEntries(
      [...header.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, name, quoted, plain]) => [
        name ?? '',
        quoted ?? plain ?? '',
      ]),
    );
    const { nonce = '', nc = '', cnonce = '', response } = said;
    const right =
      said.uri === uri &&
      said.qop === 'auth' &&
      /^[0-9a-f]{8}$/.test(nc) &&
      this.#fits(said) &&
      response === sha256([this.#ha1(), nonce, nc, cnonce, 'auth', sha256([method, uri])]) &&
      this.#counts(nonce, Number.parseInt(nc, 16));
    if (!right) this.failures += 1;
    return right;
  }

  acceptsFrame(auth: FrameAuth | undefined): boolean {
    if (this.password === '') return true;
    if (!auth) return false;
    const { nonce, nc, cnonce, response } = auth;
    const right =
      this.#fits(auth) &&
      response ===
        sha256([
          this.#ha1(),
          String(nonce),
          String(nc),
          String(cnonce),
          'auth',
          sha256(['dummy_method', 'dummy_uri']),
        ]) &&
      this.#counts(String(nonce), Number(nc));
    if (!right) this.failures += 1;
    return right;
  }

  #nonce(): string {
    const nonce = String(randomBytes(4).readUInt32BE());
    this.#nonces.set(nonce, 0);
    return nonce;
  }

  #ha1(): string {
    return sha256([USER, this.realm, this.password]);
  }

  #fits({ realm, username, algorithm }: FrameAuth): boolean {
    return realm === this.realm && username === USER && algorithm === 'SHA-256';
  }

  #counts(nonce: string, count: number): boolean {
    const last = this.#nonces.get(nonce);
    if (last === undefined || !(count > last)) return false;
    this.#nonces.set(nonce, count);
    return true;
  }
}
