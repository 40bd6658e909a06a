import type { IncomingMessage } from 'node:http';
import { crc32 } from 'node:zlib';
import type { AgentBackup, BackupDescription, Upload, UploadSum } from '../contract/index.ts';
import { letGo } from '../kernel/blocks.ts';
import { type Clock, timestamp, within } from '../kernel/clock.ts';
import { isProblem, Problem } from '../kernel/errors.ts';
import { pump } from '../kernel/http/pump.ts';
import { newId } from '../kernel/ids.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Operations, RunningOperation } from '../kernel/operations.ts';
import { choosePlace, type Place } from './choose-place.ts';
import { combineCrc, formatCrc } from './crc.ts';
import { homeOf } from './homes.ts';
import type { Mending, StoredBackup } from './mending.ts';
import { Places, placeKey } from './places.ts';
import type { BackupStore, UnfinishedRow } from './store.ts';
import { TarWalk } from './tar-walk.ts';
import type { ArchiveWriter, StorageTarget } from './targets/target.ts';
import type { Targets } from './targets.ts';

interface UploadsOptions {
  readonly store: BackupStore;
  readonly targets: Targets;
  readonly mending: Mending;
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

/** What the clean-up of uploads gets when the core stops (milliseconds); containers are killed after ten seconds. */
const STOP_GRACE_MS = 3_000;

interface Session {
  readonly id: string;
  readonly targetId: string;
  readonly backup: AgentBackup;
  readonly place: Place;
  readonly storage: StorageTarget;
  readonly operation: RunningOperation;
  readonly writer: ArchiveWriter;
  /** Ends with the session, whatever ended it. */
  readonly ended: AbortController;
  state: 'announced' | 'streaming' | 'received' | 'committing';
  /** Aborted when the step that is waited for has come. */
  awaited: AbortController;
  size: number;
  crc: number;
  suspect: string | null;
}

/** Backups on their way in: announced, streamed, compared, committed. Nothing is listed before both sums agree. */
export class Uploads {
  readonly #options: UploadsOptions;
  readonly #sessions = new Map<string, Session>();
  readonly #places = new Places();
  #stopped = false;

  constructor(options: UploadsOptions) {
    this.#options = options;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    // what is just being committed is carried through after the next start
    const unfinished = [...this.#sessions.values()].filter((session) => session.state !== 'committing');
    const cleaned = Promise.all(
      unfinished.map((session) => this.#fail(session, new Problem('shutting_down'))),
    );
    // a target that does not answer must not keep the core from ending; the next start mends what is left
    await within(this.#options.clock, STOP_GRACE_MS, cleaned);
  }

  /** Announces an upload; what cannot fit or has no place is refused before the first byte. */
  async announce(targetId: string, backup: AgentBackup, gone: AbortSignal): Promise<Upload> {
    if (this.#stopped) throw new Problem('shutting_down');
    const storage = await this.#options.targets.storage(targetId);
    let place = await choosePlace(storage, backup);
    const first = this.#places.cleared(placeKey(targetId, place.names.archive));
    if (first) {
      // a second try of the same backup waits until nothing of the first is left
      await first;
      place = await choosePlace(storage, backup);
    }
    const key = placeKey(targetId, place.names.archive);
    this.#places.take(key);
    try {
      return await this.#begin(targetId, backup, storage, place, gone);
    } catch (error) {
      this.#places.free(key);
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
    this.#advance(session, 'announced', 'streaming');
    try {
      return await this.#stream(session, request, gone);
    } catch (error) {
      await this.#fail(session, error);
      throw error;
    }
  }

  /** Makes the archive visible once the sender's sum and ours agree. */
  async commit(targetId: string, uploadId: string, sum: UploadSum): Promise<BackupDescription> {
    const session = this.#session(targetId, uploadId);
    this.#advance(session, 'received', 'committing');
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
    await this.#fail(session, new Problem('operation_cancelled'));
  }

  /**
   * Gives up what is under way to a target that is being removed.
   * @throws Problem `upload_busy` while one becomes visible: its sender is told that it is safe
   */
  async cancelAll(targetId: string): Promise<void> {
    const sessions = [...this.#sessions.values()].filter((session) => session.targetId === targetId);
    if (sessions.some((session) => session.state === 'committing')) throw new Problem('upload_busy');
    await Promise.all(sessions.map((session) => this.#fail(session, new Problem('target_not_found'))));
  }

  /** Cleans up after a crash, and leaves alone what is under way. */
  mend(targetId: string, storage: StorageTarget, signal: AbortSignal): Promise<void> {
    const alone = async (row: UnfinishedRow, work: () => Promise<void>) => {
      const key = placeKey(targetId, row.archive_key);
      if (!this.#places.isTaken(key)) await this.#places.clear(key, work);
    };
    return this.#options.mending.mend(targetId, storage, alone, signal);
  }

  /** Works at the place of an archive where no upload is under way. @throws Problem `upload_busy` */
  alone(targetId: string, archiveKey: string, work: () => Promise<void>): Promise<void> {
    return this.#places.alone(placeKey(targetId, archiveKey), work);
  }

  async #begin(
    targetId: string,
    backup: AgentBackup,
    storage: StorageTarget,
    place: Place,
    gone: AbortSignal,
  ): Promise<Upload> {
    const { operations, store, clock } = this.#options;
    const operation = await operations.begin({
      kind: 'upload',
      subject: { target_id: targetId, backup_id: backup.backup_id, name: backup.name },
      total: backup.size,
    });
    const id = newId();
    const ended = new AbortController();
    // until it has begun: it may wait long for memory, and nobody else ends it
    const unwanted = AbortSignal.any([gone, operation.signal]);
    const giveUp = () => ended.abort(unwanted.reason);
    if (unwanted.aborted) giveUp();
    unwanted.addEventListener('abort', giveUp, { once: true });
    try {
      // first the row, then the upload: whatever a crash leaves is known by name
      await store.beginUnfinished({
        id,
        target_id: targetId,
        archive_key: place.names.archive,
        sidecar_key: place.names.sidecar,
        state: 'uploading',
        description: null,
        replaces: place.replaces,
        created_at: clock.now(),
      });
      const writer = await storage.create(place.names.archive, {
        sizeLimit: backup.size,
        tolerance: TOLERANCE_BYTES,
        signal: ended.signal,
      });
      if (ended.signal.aborted) {
        await writer.abort();
        throw ended.signal.reason;
      }
      const session: Session = {
        id,
        targetId,
        backup,
        place,
        storage,
        operation,
        writer,
        ended,
        state: 'announced',
        awaited: new AbortController(),
        size: 0,
        crc: 0,
        suspect: null,
      };
      this.#sessions.set(id, session);
      this.#expectNextStep(session);
      unwanted.removeEventListener('abort', giveUp);
      operation.signal.addEventListener('abort', () => this.#cancelled(session), { once: true });
      return { id, operation_id: operation.id };
    } catch (error) {
      await storage.sweep(place.names.archive).then(
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

  #session(targetId: string, uploadId: string): Session {
    const session = this.#sessions.get(uploadId);
    if (!session || session.targetId !== targetId) throw new Problem('upload_not_found');
    return session;
  }

  #advance(session: Session, from: Session['state'], to: Session['state']): void {
    if (session.state !== from) throw new Problem('upload_busy');
    session.state = to;
    session.awaited.abort();
  }

  /** Gives the session up when whoever should take its next step does not. */
  #expectNextStep(session: Session): void {
    session.awaited = new AbortController();
    const signal = AbortSignal.any([session.awaited.signal, session.ended.signal]);
    this.#options.clock.sleep(NEXT_STEP_MS, signal).then(
      () => void this.#fail(session, new Problem('idle_timeout')),
      () => undefined,
    );
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
        const sum = crc32(chunk);
        session.crc = combineCrc(session.crc, sum, chunk.length);
        walk.push(chunk);
        await session.writer.write(chunk, sum);
        letGo(chunk);
        session.operation.progress(session.size);
      },
    });
    const verdict = walk.end();
    if (verdict.cut) throw new Problem('archive_cut');
    session.suspect = verdict.oddity;
    await session.writer.finish();
    session.ended.signal.throwIfAborted();
    session.state = 'received';
    this.#expectNextStep(session);
    return { size: session.size, crc32: formatCrc(session.crc) };
  }

  async #commit(session: Session): Promise<BackupDescription> {
    const { store, mending, clock, log } = this.#options;
    const stored: StoredBackup = {
      backup: { ...session.backup, size: session.size },
      crc32: formatCrc(session.crc),
      stored_at: timestamp(clock.now()),
      suspect: session.suspect,
    };
    const { targetId, place } = session;
    await store.commitUpload(
      { id: session.id, target_id: targetId, archive_key: place.names.archive },
      stored,
    );
    await session.writer.commit();
    await mending.describe(session.targetId, session.storage, session.place.names, stored);
    const home = homeOf(stored.backup);
    if (home !== undefined) await store.noteHome(home);
    await store.endUnfinished(session.id);
    this.#sessions.delete(session.id);
    this.#places.free(placeKey(session.targetId, session.place.names.archive));
    session.ended.abort();
    await session.operation.succeed();
    if (stored.suspect) {
      log.warning('a stored backup looks odd', {
        backup: stored.backup.backup_id,
        suspect: stored.suspect,
      });
    }
    return stored;
  }

  async #fail(session: Session, error: unknown): Promise<void> {
    const key = placeKey(session.targetId, session.place.names.archive);
    if (!this.#sessions.delete(session.id)) {
      await this.#places.cleared(key);
      return;
    }
    session.ended.abort(error);
    await this.#places.clear(key, () => this.#cleanUp(session, error));
    await session.operation.fail(error);
  }

  /** Leaves nothing behind, or a row by which the next mending finds it. */
  async #cleanUp(session: Session, error: unknown): Promise<void> {
    const { names, replaces } = session.place;
    const committing = session.state === 'committing' && !isProblem(error, 'archive_mismatch');
    // its connections were closed under it; it is carried through after the next start
    if (committing && this.#stopped) return;
    try {
      await session.writer.abort();
      if (committing) {
        // which archive lies in the old one's place is found out by the mending
        if (replaces !== null) return;
        // it may be there already although its description could not be written or entered
        await session.storage.delete(names.sidecar);
        await session.storage.delete(names.archive);
      }
      await this.#options.store.endUnfinished(session.id);
    } catch (cleanup) {
      this.#options.log.warning('what a failed upload left will be removed later', {
        upload: session.id,
        reason: describeError(cleanup),
      });
    }
  }
}
