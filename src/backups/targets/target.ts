import type { Readable } from 'node:stream';
import type {
  Capabilities,
  FoundBackups,
  ProbeStep,
  TargetKind,
  TargetSettings,
} from '../../contract/index.ts';
import type { MemoryBudget } from '../../kernel/admission.ts';
import type { Block } from '../../kernel/blocks.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Problem } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';

/** A stored object. Keys are relative to the target's folder and use `/`. */
export interface StoredObject {
  readonly key: string;
  readonly size: number;
  /** Changes whenever the content does (an ETag, or size and time): what has not changed is not read again. */
  readonly version: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
  /** As the store names it; absent where it names none. */
  readonly storageClass?: string;
  /** It lies in a class out of which it must be restored before it can be read. */
  readonly archived?: boolean;
}

/** Bytes of an object from `start` on. */
export interface OpenedObject {
  readonly stream: Readable;
  /** The same bytes, to be read instead of the stream: cheaper for large objects where the target can do it. */
  readonly blocks?: () => AsyncIterable<Block>;
  /** The size of the whole object. */
  readonly size: number;
  readonly version: string;
}

/** The half-open range `[start, end)`; without `end` to the end. `version`: fail when the object has changed since. */
export interface OpenOptions {
  readonly start?: number;
  readonly end?: number;
  readonly version?: string;
  readonly signal?: AbortSignal;
}

/**
 * An archive on its way in. Nothing is visible under its key until `commit`; `abort` leaves nothing behind.
 * Calls come one after the other, but `abort` may come at any time and more than once.
 */
export interface ArchiveWriter {
  /**
   * Takes the next bytes (copied or sent before it resolves); resolves when more may come.
   * @param crc32 their sum, where it is known already: nobody needs to sum them again
   */
  write(chunk: Uint8Array, crc32?: number): Promise<void>;
  /** Everything has arrived at the target, though nothing is visible yet. */
  finish(): Promise<void>;
  /** Makes the archive visible under its key, replacing what was there. */
  commit(): Promise<void>;
  abort(): Promise<void>;
}

/** What is known of an archive before its first byte (sizes in bytes). */
export interface WriterOptions {
  /** An upper bound of the bytes that will come, by which the archive is planned. */
  readonly sizeLimit: number;
  /** How far the bound may be exceeded in the end, should it have been a little too low. */
  readonly tolerance?: number;
  readonly signal?: AbortSignal;
}

/** A step of the probe before its problem is worded in a language; that happens at the border. */
export interface ProbeOutcome {
  readonly step: ProbeStep['step'];
  readonly outcome: ProbeStep['outcome'];
  readonly problem: Problem | null;
}

/** A capability card before its advice is worded in a language. */
export type Examination = Omit<Capabilities, 'advice'> & {
  readonly advice: readonly { readonly code: string; readonly params?: Readonly<Record<string, string>> }[];
};

/** How thoroughly a store is examined, and what is known of it. */
export interface ExamineOptions {
  /** `look` writes nothing, `try` writes tiny objects, `measure` may also send some megabytes. */
  readonly depth: 'look' | 'try' | 'measure';
  /** What an earlier examination found; of use where this one only looks. */
  readonly known?: Examination | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Backups in one folder, and the ids of the Home Assistants that the newest of them come from. */
export interface FoundPlace extends Omit<FoundBackups, 'homes'> {
  readonly homes: readonly string[];
}

/**
 * A place where backups are kept, seen as a store of objects in one folder. Everything that is special about Home
 * Assistant's backups lives above it. Every method rejects with a `Problem` whose code begins with `target_`
 * (or `upload_too_large`), or with the signal's reason.
 */
export interface StorageTarget {
  /** Whether keys may hold slashes; where they name files, they may not. */
  readonly slashes: 'keep' | 'replace';
  /** A round trip in the folder with objects of our own: reach, write, list, read, multipart, delete. Never throws for a fault of the target. */
  probe(onStep?: (step: ProbeOutcome) => void, signal?: AbortSignal): Promise<ProbeOutcome[]>;
  /**
   * Called after the probe of a new or changed target went well, before it is used: leaves what later recognises the
   * place. Returns an id that the place itself carries, where there is one.
   */
  prepare?(): Promise<string | undefined>;
  /** Rejects where this is not the place that was prepared: what is mounted there is missing. */
  recognise?(): Promise<void>;
  /** Looks for backups (`*.metadata.json`) where this and other tools put theirs. */
  find(signal?: AbortSignal): Promise<FoundPlace[]>;
  /** What the store does and can do, after a probe went well. Never a failure: what cannot be found out is unknown. */
  examine?(options: ExamineOptions): Promise<Examination>;
  /** All objects of the folder; pages are followed to the end or the call fails. */
  list(signal?: AbortSignal): Promise<StoredObject[]>;
  /** A small object as a whole; undefined when there is none. @throws Problem `target_corrupt` when it is larger than `maxBytes`. */
  read(key: string, maxBytes: number, signal?: AbortSignal): Promise<Buffer | undefined>;
  /** Writes a small object as a whole, atomically. */
  put(key: string, data: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Opens an object for reading; undefined when there is none. */
  open(key: string, options?: OpenOptions): Promise<OpenedObject | undefined>;
  /** What `list` would say of one key; undefined when there is none. */
  stat(key: string, signal?: AbortSignal): Promise<StoredObject | undefined>;
  /** Starts an archive. @throws Problem `upload_too_large` before the first byte when it cannot fit. */
  create(key: string, options: WriterOptions): Promise<ArchiveWriter>;
  /** Deletes an object; it is no fault when there is none. */
  delete(key: string, signal?: AbortSignal): Promise<void>;
  /** Rejects with `target_locked` or `target_held` when the store protects one of these objects from being deleted. */
  checkDeletable?(keys: readonly string[], signal?: AbortSignal): Promise<void>;
  /** Removes what a crash left of an upload to this key: parts, temporary files. The object itself stays. */
  sweep(key: string, signal?: AbortSignal): Promise<void>;
  /** Removes what probes had to leave behind; rejects where that could not be looked for. */
  tidy?(signal?: AbortSignal): Promise<void>;
  /** Frees connections; afterwards the target is not used again. */
  close(): void;
}

/** What every target may use of the core. */
export interface TargetContext {
  readonly clock: Clock;
  readonly memory: MemoryBudget;
  /** The core's data folder, for defaults and for `sameDisk`. */
  readonly dataDir: string;
  /** An upload or download in which no byte moves for so long is given up (milliseconds). */
  readonly idleTimeoutMs: number;
  /** For what a person should know although nothing failed. */
  readonly log?: Pick<Log, 'warning'>;
}

/** One kind of target: what the registry needs to know of it. */
export interface TargetType<Settings extends TargetSettings = TargetSettings> {
  readonly kind: TargetKind;
  /** Fills in what the person left empty (the default directory). */
  complete(settings: Settings, context: Pick<TargetContext, 'dataDir'>): Settings;
  /** The place in words that do not change with credentials: equal places are the same target. */
  place(settings: Settings): string;
  /** Whether two places that are named differently are one all the same. */
  same?(one: Settings, other: Settings): Promise<boolean>;
  /** Names of the settings that are encrypted at rest and never shown. */
  readonly secrets: readonly string[];
  /** Whether the target dies with the disk that holds the core's data. */
  sameDisk(settings: Settings, context: Pick<TargetContext, 'dataDir'>): Promise<boolean>;
  open(settings: Settings, context: TargetContext): StorageTarget;
}
