import type { SFTPWrapper, Stats } from 'ssh2';
import { Problem } from '../../kernel/errors.ts';
import type { SshConnection } from './connection.ts';

/** Answers of SFTP (draft-ietf-secsh-filexfer-02, section 7). */
const END = 1;
const NO_SUCH_FILE = 2;
const PERMISSION_DENIED = 3;

/** Every server gives so much at once (bytes; draft-ietf-secsh-filexfer-02, section 3). */
const PIECE_BYTES = 32 * 1024;

/** A folder that holds more is none of settings, and would be listed for ever. */
const MOST_LISTED = 20_000;

/** What lies in a folder. */
export interface RemoteEntry {
  readonly name: string;
  readonly stats: Stats;
}

/** The files of a device over SFTP. Every fault is a problem that names the path, as `host:path`. */
export class RemoteFiles {
  readonly #connection: SshConnection;
  readonly #sftp: SFTPWrapper;

  /** Ends the calls that wait: those of a channel that is gone are never answered. */
  readonly #waiting = new Set<(error: unknown) => void>();
  #gone: unknown;

  private constructor(connection: SshConnection, sftp: SFTPWrapper) {
    this.#connection = connection;
    this.#sftp = sftp;
    const end = (error: unknown) => {
      this.#gone ??= error;
      for (const fail of this.#waiting) fail(this.#gone);
    };
    const cut = () => end(new Problem('device_cut', { params: { host: connection.host } }));
    sftp.on('error', end);
    sftp.on('end', cut);
    sftp.on('close', cut);
  }

  /** @throws Problem `device_not_there` where the device has no SFTP */
  static async open(connection: SshConnection): Promise<RemoteFiles> {
    return new RemoteFiles(connection, await connection.sftp());
  }

  /** What a path is, behind links. @throws Problem `device_nothing` where there is nothing, `device_forbidden` */
  stat(path: string): Promise<Stats> {
    return this.#call<Stats>(path, (done) => this.#sftp.stat(path, done));
  }

  /** What lies in a folder, by name; links as links. @throws Problem `device_nothing`, `device_forbidden`, `device_unexpected` */
  async list(path: string): Promise<RemoteEntry[]> {
    const handle = await this.#call<Buffer>(path, (done) => this.#sftp.opendir(path, done));
    const entries: RemoteEntry[] = [];
    try {
      for (;;) {
        const some = await this.#some(path, handle);
        if (!some) break;
        for (const { filename: name, attrs } of some) {
          if (name === '.' || name === '..') continue;
          if (name === '' || /[/\0]/.test(name)) throw this.#odd('the name of a file with a slash');
          entries.push({ name, stats: attrs as Stats });
        }
        if (entries.length > MOST_LISTED) throw this.#odd(`a folder with more than ${MOST_LISTED} files`);
      }
    } finally {
      this.#sftp.close(handle, () => undefined);
    }
    return entries.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** A file, piece by piece. @throws Problem `device_nothing`, `device_forbidden`, `device_cut`, `device_timeout` */
  async *read(path: string): AsyncGenerator<Uint8Array> {
    const handle = await this.#call<Buffer>(path, (done) => this.#sftp.open(path, 'r', done));
    try {
      for (let at = 0; ; ) {
        const piece = await this.#piece(path, handle, at);
        if (piece.length === 0) return;
        yield piece;
        at += piece.length;
      }
    } finally {
      this.#sftp.close(handle, () => undefined);
    }
  }

  /** What comes next in a file; nothing at its end. */
  #piece(path: string, handle: Buffer, at: number): Promise<Uint8Array> {
    const buffer = Buffer.alloc(PIECE_BYTES);
    return this.#call<Uint8Array>(path, (done) =>
      this.#sftp.read(handle, buffer, 0, PIECE_BYTES, at, (error, size) => {
        if (codeOf(error) === END) done(undefined, buffer.subarray(0, 0));
        else done(error, buffer.subarray(0, size));
      }),
    );
  }

  /** Some more of what lies in a folder; undefined after the last. */
  #some(path: string, handle: Buffer) {
    type Listed = Parameters<Parameters<SFTPWrapper['readdir']>[1]>[1];
    return this.#call<Listed | undefined>(path, (done) =>
      this.#sftp.readdir(handle, (error, entries) => {
        if (codeOf(error) === END) done(undefined, undefined);
        else done(error || undefined, entries);
      }),
    );
  }

  #call<Result>(
    path: string,
    call: (done: (error: Error | undefined, result: Result) => void) => unknown,
  ): Promise<Result> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) => {
        this.#waiting.delete(fail);
        reject(this.#fault(error, path));
      };
      if (this.#gone !== undefined) {
        fail(this.#gone);
        return;
      }
      this.#waiting.add(fail);
      try {
        call((error, result) => {
          this.#waiting.delete(fail);
          if (error) fail(error);
          else resolve(result);
        });
      } catch (error) {
        fail(error);
      }
    });
  }

  #odd(reason: string): Problem {
    return new Problem('device_unexpected', { params: { host: this.#connection.host, reason } });
  }

  #fault(error: unknown, path: string): unknown {
    const host = `${this.#connection.host}:${path}`;
    switch (codeOf(error)) {
      case NO_SUCH_FILE:
        return new Problem('device_nothing', { params: { host }, cause: error });
      case PERMISSION_DENIED:
        return new Problem('device_forbidden', { params: { host }, cause: error });
      default:
        return (
          this.#connection.fault(error) ??
          new Problem('device_failed', { params: { host, reason: 'SFTP' }, cause: error })
        );
    }
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
