import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import type { AgentBackup, Backup, Upload, UploadSum } from '../contract/index.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { pump } from '../kernel/http/pump.ts';
import { newId } from '../kernel/ids.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Operations, RunningOperation } from '../kernel/operations.ts';
import type { Catalogue } from './catalogue.ts';
import { namesOf, type ObjectNames, suggestedStem } from './names.ts';
import { decodeSidecar, encodeSidecar, MAX_SIDECAR_BYTES } from './sidecar.ts';
import type { BackupStore, UnfinishedRow } from './store.ts';
import { TarWalk } from './tar-walk.ts';
import type { ArchiveWriter, StorageTarget } from './targets/target.ts';
import type { Targets } from './targets.ts';

export interface UploadsOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly catalogue: () => Catalogue;
  readonly operations: Operations;
  readonly clock: Clock;
  readonly log: Log;
  /** No byte for so long: the sender is gone (milliseconds). */
  readonly idleTimeoutMs: number;
}

/** An announced upload whose bytes do not start, or whose sums are not compared, is given up (milliseconds). */
const NEXT_STEP_MS = 5 * 60_000;

/** Home Assistant announces an upper bound; what exceeds it by more than this is not what was announced. */
const TOLERANCE_BYTES = 16 * 1024 * 1024;

interface Session {
  readonly id: string;
  readonly targetId: string;
  readonly backup: AgentBackup;
  readonly names: ObjectNames;
  readonly storage: StorageTarget;
  readonly operation: RunningOperation;
  readonly writer: ArchiveWriter;
  /** The archive takes the place of an older upload of the same backup. */
  readonly replaces: boolean;
  /** Ends with the session, whatever ended it. */
  readonly ended: AbortController;
  state: 'announced' | 'streaming' | 'received' | 'committing';
  timer: NodeJS.Timeout;
  size: number;
  crc: number;
  suspect: string | null;
}

function formatCrc(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}

/** Backups on their way in: announced, streamed, compared, committed. Nothing is listed before both sums agree. */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #reserved = new Set<string>();
  #stopped = false;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    // what is just being committed is carried through after the next start
    const unfinished = [...this.#sessions.values()].filter((session) => session.state !== 'committing');
    await Promise.all(unfinished.map((session) => this.#fail(session, new Problem('shutting_down'))));
  }

  /** Announces an upload; what cannot fit or has no place is refused before the first byte. */
  async announce(targetId: string, backup: AgentBackup): Promise<Upload> {
    if (this.#stopped) throw new Problem('shutting_down');
    const storage = await this.#options.targets.storage(targetId);
    const { names, replaces } = await this.#chooseNames(targetId, storage, backup);
    const reservation = `${targetId}/${names.archive}`;
    if (this.#reserved.has(reservation)) throw new Problem('upload_busy');
    this.#reserved.add(reservation);
    try {
      return await this.#begin(targetId, backup, storage, names, replaces, reservation);
    } catch (error) {
      this.#reserved.delete(reservation);
      throw error;
    }
  }

  /** Takes the archive's bytes; answers with what arrived. The sender compares and commits. */
  async receive(
    targetId: string,
    uploadId: string,
    request: IncomingMessage,
    gone: AbortSignal,
  ): Promise<UploadSum> {
    const session = this.#session(targetId, uploadId);
    if (session.state !== 'announced') throw new Problem('upload_busy');
    session.state = 'streaming';
    clearTimeout(session.timer);
    try {
      return await this.#stream(session, request, gone);
    } catch (error) {
      await this.#fail(session, error);
      throw error;
    }
  }

  /** Makes the archive visible once the sender's sum and ours agree. */
  async commit(targetId: string, uploadId: string, sum: UploadSum): Promise<Backup> {
    const session = this.#session(targetId, uploadId);
    if (session.state !== 'received') throw new Problem('upload_busy');
    session.state = 'committing';
    clearTimeout(session.timer);
    try {
      const actual = formatCrc(session.crc);
      if (sum.size !== session.size || sum.crc32 !== actual) {
        const params = { expected: `${sum.size} / ${sum.crc32}`, actual: `${session.size} / ${actual}` };
        throw new Problem('archive_mismatch', { params });
      }
      return await this.#commit(session);
    } catch (error) {
      await this.#fail(session, error);
      throw error;
    }
  }

  /** Gives an upload up and leaves nothing behind. */
  async cancel(targetId: string, uploadId: string): Promise<void> {
    const session = this.#session(targetId, uploadId);
    if (session.state === 'committing') throw new Problem('upload_busy');
    await this.#fail(session, new Problem('upload_cancelled'));
  }

  /** Gives up what is under way to a target that is being removed. */
  async cancelAll(targetId: string): Promise<void> {
    const sessions = [...this.#sessions.values()].filter((session) => session.targetId === targetId);
    await Promise.all(sessions.map((session) => this.#fail(session, new Problem('target_not_found'))));
  }

  /**
   * After a crash: parts and temporary files of uploads that were under way are removed; an upload whose sums had
   * already agreed, and a deletion that had begun, are carried through.
   */
  async mend(targetId: string, storage: StorageTarget): Promise<void> {
    for (const row of await this.#options.store.unfinished(targetId)) {
      if (this.#sessions.has(row.id) || this.#reserved.has(`${targetId}/${row.archive_key}`)) continue;
      await this.#mendOne(row, storage);
      await this.#options.store.endUnfinished(row.id);
      this.#options.log.info('interrupted work was cleaned up', { target: targetId, state: row.state });
    }
  }

  async #chooseNames(
    targetId: string,
    storage: StorageTarget,
    backup: AgentBackup,
  ): Promise<{ names: ObjectNames; replaces: boolean }> {
    const kind = (await this.#options.targets.get(targetId)).settings.kind;
    const stem = suggestedStem(backup, kind === 's3' ? 'keep' : 'replace');
    const candidates = [stem, `${stem}_${backup.backup_id}`, `${stem}_${newId()}`];
    for (const candidate of candidates) {
      const names = namesOf(candidate);
      const there = await storage.read(names.sidecar, MAX_SIDECAR_BYTES);
      if (there && decodeSidecar(there)?.backup.backup_id === backup.backup_id)
        return { names, replaces: true };
      if (!there && !(await storage.stat(names.archive))) return { names, replaces: false };
    }
    throw new Problem('upload_busy');
  }

  async #begin(
    targetId: string,
    backup: AgentBackup,
    storage: StorageTarget,
    names: ObjectNames,
    replaces: boolean,
    reservation: string,
  ): Promise<Upload> {
    const { operations, store, clock } = this.#options;
    const operation = await operations.begin({
      kind: 'upload',
      subject: { target_id: targetId, backup_id: backup.backup_id, name: backup.name },
      total: backup.size,
    });
    const id = newId();
    const ended = new AbortController();
    try {
      // first the row, then the upload: whatever a crash leaves is known by name
      await store.beginUnfinished({
        id,
        target_id: targetId,
        archive_key: names.archive,
        sidecar_key: names.sidecar,
        state: 'uploading',
        description: null,
        created_at: clock.now(),
      });
      const writer = await storage.create(names.archive, {
        sizeLimit: backup.size + TOLERANCE_BYTES,
        signal: ended.signal,
      });
      const session: Session = {
        id,
        targetId,
        backup,
        names,
        storage,
        operation,
        writer,
        replaces,
        ended,
        state: 'announced',
        timer: this.#expectNextStep(id),
        size: 0,
        crc: 0,
        suspect: null,
      };
      this.#sessions.set(id, session);
      ended.signal.addEventListener('abort', () => this.#reserved.delete(reservation), { once: true });
      operation.signal.addEventListener('abort', () => this.#cancelled(session), { once: true });
      return { id, operation_id: operation.id };
    } catch (error) {
      await storage.sweep(names.archive).then(
        () => store.endUnfinished(id),
        () => undefined,
      );
      await operation.fail(error);
      throw error;
    }
  }

  #cancelled(session: Session): void {
    if (session.state !== 'committing') void this.#fail(session, session.operation.signal.reason);
  }

  #expectNextStep(id: string): NodeJS.Timeout {
    const timer = setTimeout(() => {
      const session = this.#sessions.get(id);
      if (session) void this.#fail(session, new Problem('idle_timeout'));
    }, NEXT_STEP_MS);
    return timer.unref();
  }

  #session(targetId: string, uploadId: string): Session {
    const session = this.#sessions.get(uploadId);
    if (!session || session.targetId !== targetId) throw new Problem('upload_not_found');
    return session;
  }

  async #stream(session: Session, request: IncomingMessage, gone: AbortSignal): Promise<UploadSum> {
    const walk = new TarWalk(session.backup.backup_id);
    const limit = session.backup.size + TOLERANCE_BYTES;
    await pump(request, {
      idleMs: this.#options.idleTimeoutMs,
      signal: AbortSignal.any([gone, session.ended.signal]),
      onChunk: async (chunk) => {
        session.size += chunk.length;
        if (session.size > limit) {
          throw new Problem('upload_too_large', { params: { limit: String(session.backup.size) } });
        }
        session.crc = crc32(chunk, session.crc);
        walk.push(chunk);
        await session.writer.write(chunk);
        session.operation.progress(session.size);
      },
    });
    const verdict = walk.end();
    if (verdict.cut) throw new Problem('archive_cut');
    session.suspect = verdict.oddity;
    await session.writer.finish();
    session.state = 'received';
    session.timer = this.#expectNextStep(session.id);
    return { size: session.size, crc32: formatCrc(session.crc) };
  }

  async #commit(session: Session): Promise<Backup> {
    const stored = {
      backup: { ...session.backup, size: session.size },
      crc32: formatCrc(session.crc),
      stored_at: timestamp(this.#options.clock.now()),
      suspect: session.suspect,
    };
    await this.#options.store.commitUpload(session.id, stored);
    await session.writer.commit();
    await this.#describe(session.targetId, session.storage, session.names, stored);
    await this.#options.store.endUnfinished(session.id);
    this.#end(session);
    await session.operation.succeed();
    if (stored.suspect)
      this.#options.log.warning('a stored backup looks odd', {
        backup: stored.backup.backup_id,
        suspect: stored.suspect,
      });
    return stored;
  }

  /** Writes the sidecar and enters the backup into the catalogue. */
  async #describe(
    targetId: string,
    storage: StorageTarget,
    names: ObjectNames,
    stored: Backup & { readonly crc32: string; readonly stored_at: string },
  ): Promise<void> {
    await storage.put(names.sidecar, Buffer.from(encodeSidecar(stored)));
    const sidecar = await storage.stat(names.sidecar).catch(() => undefined);
    await this.#options.catalogue().add({
      target_id: targetId,
      sidecar_key: names.sidecar,
      sidecar_version: sidecar?.version ?? '',
      backup_id: stored.backup.backup_id,
      archive_key: names.archive,
      archive_size: stored.backup.size,
      description: JSON.stringify(stored),
      modified: sidecar?.modified ?? this.#options.clock.now(),
    });
  }

  #end(session: Session): boolean {
    clearTimeout(session.timer);
    const lived = this.#sessions.delete(session.id);
    session.ended.abort(new Problem('upload_cancelled'));
    return lived;
  }

  async #fail(session: Session, error: unknown): Promise<void> {
    const committing = session.state === 'committing';
    clearTimeout(session.timer);
    if (!this.#sessions.delete(session.id)) return;
    session.ended.abort(error);
    try {
      await session.writer.abort();
      const visible = committing && !session.replaces && !isProblem(error, 'archive_mismatch');
      // the archive may be there already although its description could not be written or entered
      if (visible) {
        await session.storage.delete(session.names.sidecar);
        await session.storage.delete(session.names.archive);
      }
      if (!committing || !session.replaces) await this.#options.store.endUnfinished(session.id);
    } catch (cleanup) {
      this.#options.log.warning('what a failed upload left will be removed later', {
        upload: session.id,
        reason: describeError(cleanup),
      });
    }
    await session.operation.fail(error);
  }

  async #mendOne(row: UnfinishedRow, storage: StorageTarget): Promise<void> {
    if (row.state === 'committing' && row.description !== null) {
      const stored = JSON.parse(row.description) as Backup & { crc32: string; stored_at: string };
      const archive = await storage.stat(row.archive_key);
      if (archive?.size === stored.backup.size) {
        await this.#describe(
          row.target_id,
          storage,
          { archive: row.archive_key, sidecar: row.sidecar_key },
          stored,
        );
        return;
      }
    }
    if (row.state === 'deleting') {
      if (!(await storage.stat(row.sidecar_key))) await storage.delete(row.archive_key);
      return;
    }
    await storage.sweep(row.archive_key);
  }
}
