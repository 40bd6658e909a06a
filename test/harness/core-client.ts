import type {
  AgentBackup,
  Backup,
  BackupList,
  Info,
  Operation,
  ProbeReport,
  ProblemDocument,
  Target,
  TargetInput,
  Token,
  Upload,
  UploadSum,
} from '../../src/contract/index.ts';
import { sumOf } from './archives.ts';

/** An answer that was not 2xx, with its problem document. */
class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly problem: ProblemDocument;

  constructor(problem: ProblemDocument) {
    super(`${problem.status} ${problem.code}: ${problem.title} ${problem.hint}`);
    this.problem = problem;
  }
}

/** A client of the core's API, for tests: the requests that the shim and the UI make. */
export class CoreClient {
  readonly url: string;
  readonly token: string;

  constructor(url: string, token: string) {
    this.url = url;
    this.token = token;
  }

  /** Exchanges the secret of a pairing code for a token. */
  static async pair(url: string, code: string, clientName = 'test'): Promise<CoreClient> {
    const { s } = JSON.parse(Buffer.from(code, 'base64url').toString()) as { s: string };
    const answer = await new CoreClient(url, '').call<{ token: string }>('POST', '/api/v1/pairing', {
      secret: s,
      client_name: clientName,
    });
    return new CoreClient(url, answer.token);
  }

  /** The response as it comes. */
  fetch(method: string, path: string, init: RequestInit & { duplex?: 'half' } = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.token !== '') headers.set('authorization', `Bearer ${this.token}`);
    return fetch(`${this.url}${path}`, { ...init, method, headers });
  }

  /** A JSON call; throws `ApiProblem` for anything that is not 2xx. */
  async call<Result>(method: string, path: string, body?: unknown): Promise<Result> {
    const response = await this.fetch(method, path, body === undefined ? {} : { body: JSON.stringify(body) });
    return this.#read(response);
  }

  async #read<Result>(response: Response): Promise<Result> {
    const text = await response.text();
    if (!response.ok) throw new ApiProblem(JSON.parse(text) as ProblemDocument);
    return (text === '' ? undefined : JSON.parse(text)) as Result;
  }

  info(): Promise<Info> {
    return this.call('GET', '/api/v1/info');
  }

  async tokens(): Promise<Token[]> {
    return (await this.call<{ tokens: Token[] }>('GET', '/api/v1/tokens')).tokens;
  }

  async pairingCode(): Promise<string> {
    return (await this.call<{ code: string }>('POST', '/api/v1/pairing/codes', {})).code;
  }

  async targets(): Promise<Target[]> {
    return (await this.call<{ targets: Target[] }>('GET', '/api/v1/targets')).targets;
  }

  addTarget(input: TargetInput | Record<string, unknown>): Promise<Target> {
    return this.call('POST', '/api/v1/targets', input);
  }

  probe(input: TargetInput | Record<string, unknown>): Promise<ProbeReport> {
    return this.call('POST', '/api/v1/targets/probe', input);
  }

  list(targetId: string, maxAge?: number): Promise<BackupList> {
    const query = maxAge === undefined ? '' : `?max_age=${maxAge}`;
    return this.call('GET', `/api/v1/targets/${targetId}/backups${query}`);
  }

  async operations(): Promise<Operation[]> {
    return (await this.call<{ operations: Operation[] }>('GET', '/api/v1/operations')).operations;
  }

  announce(targetId: string, backup: AgentBackup): Promise<Upload> {
    return this.call('POST', `/api/v1/targets/${targetId}/uploads`, { backup });
  }

  /** Sends the bytes of an announced upload. */
  async send(targetId: string, uploadId: string, body: NonNullable<RequestInit['body']>): Promise<UploadSum> {
    const path = `/api/v1/targets/${targetId}/uploads/${uploadId}/archive`;
    return this.#read(await this.fetch('PUT', path, { body, duplex: 'half' }));
  }

  commit(targetId: string, uploadId: string, sum: UploadSum): Promise<Backup> {
    return this.call('POST', `/api/v1/targets/${targetId}/uploads/${uploadId}/commit`, sum);
  }

  /** Announces, sends, compares and commits. */
  async upload(targetId: string, backup: AgentBackup, archive: Buffer): Promise<Backup> {
    const { id } = await this.announce(targetId, backup);
    const sum = await this.send(targetId, id, new Uint8Array(archive));
    if (sum.crc32 !== sumOf(archive).crc32) throw new Error('the sums differ');
    return this.commit(targetId, id, sum);
  }

  /** The archive of a backup, whole. */
  async download(targetId: string, backupId: string): Promise<Buffer> {
    const response = await this.fetch('GET', `/api/v1/targets/${targetId}/backups/${backupId}/archive`);
    if (!response.ok) await this.#read(response);
    return Buffer.from(await response.arrayBuffer());
  }

  async delete(targetId: string, backupId: string): Promise<void> {
    await this.call('DELETE', `/api/v1/targets/${targetId}/backups/${backupId}`);
  }
}
