import type { BackupDescription, HomeAssistant, LastBackup, Target } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Problem } from '../kernel/errors.ts';

/** What is known of targets and of what lies there. */
interface StoredFacts {
  readonly targets: readonly Target[];
  /** Not all targets have been looked at since the start. */
  readonly finding: boolean;
  /** The newest backup of each target, by the id of the target. */
  readonly newest: ReadonlyMap<string, BackupDescription>;
  /** The newest of them all. */
  readonly last: LastBackup | null;
  /** Why the newest upload to a target did not arrive, by the id of the target. */
  readonly failed: ReadonlyMap<string, { readonly problem: Problem; readonly since: string | null }>;
}

/** Room on the disk with the core's own data (bytes). */
export interface Room {
  readonly free: number;
  readonly total: number;
}

/** Somebody who is to be told of what happens. */
interface Unreached {
  readonly name: string;
  readonly problem: Problem;
}

/** A device whose configuration is not being backed up. */
interface FailingDevice {
  readonly name: string;
  readonly problem: Problem;
}

/** Who is asked. */
export interface Sources {
  readonly stored: () => Promise<StoredFacts>;
  readonly home: () => HomeAssistant;
  /** Whether a Home Assistant has ever come in. */
  readonly paired: () => Promise<boolean>;
  readonly room: () => Promise<Room>;
  /** Why the last copy of the database failed; undefined where it did not. */
  readonly copyProblem: () => Problem | undefined;
  /** Why nothing of the settings from outside was taken; undefined where it was, or there are none. */
  readonly provisioningProblem: () => Problem | undefined;
  /** Why state files are not written; undefined where they are. */
  readonly stateFilesProblem: () => Problem | undefined;
  /** Who is to be told and is not reached. */
  readonly unreached: () => Promise<Unreached | undefined>;
  /** Devices that need a person. */
  readonly failingDevices: () => Promise<readonly FailingDevice[]>;
  /** Whether a person keeps the recovery key, or there is none to be kept. */
  readonly recoveryKeyKept: () => Promise<boolean>;
  /** As it is set; 0 follows Home Assistant's schedule. */
  readonly overdueDays: () => number;
}

/** All that is known at a moment. */
export interface Facts extends StoredFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly home: HomeAssistant;
  /** For how long the way back into Home Assistant has not worked; undefined where it does, or is not wanted (milliseconds). */
  readonly homeAwayMs: number | undefined;
  readonly paired: boolean;
  /** What is left where that is little (bytes). */
  readonly littleRoom: number | undefined;
  readonly copyProblem: Problem | undefined;
  readonly provisioningProblem: Problem | undefined;
  readonly stateFilesProblem: Problem | undefined;
  readonly unreached: Unreached | undefined;
  readonly failingDevices: readonly FailingDevice[];
  readonly recoveryKeyKept: boolean;
  readonly overdueDays: number;
}

/** Backups are gigabytes, so less than this is little, but on small disks where it is a twentieth (bytes). */
const LITTLE_BYTES = 1_000_000_000;
const LITTLE_SHARE = 0.05;

/** What is said goes away only when there is clearly more, so that it does not come and go with every line of a log. */
const CLEARLY_MORE = 1.2;

/** Asks everybody, and remembers what only its beginning tells. */
export class Observer {
  readonly #sources: Sources;
  readonly #clock: Clock;
  /** By a clock that only grows: the other one may be set. */
  #homeAwaySince: number | undefined;
  #little = false;

  constructor(sources: Sources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
  }

  async observe(): Promise<Facts> {
    const { stored, paired, unreached, home, recoveryKeyKept, overdueDays, failingDevices } = this.#sources;
    const [known, used, kept, untold, failing, littleRoom] = await Promise.all([
      stored(),
      paired(),
      recoveryKeyKept(),
      unreached(),
      failingDevices(),
      this.#littleRoom(),
    ]);
    const document = home();
    return {
      ...known,
      now: this.#clock.now(),
      home: document,
      homeAwayMs: this.#homeAway(document),
      paired: used,
      littleRoom,
      copyProblem: this.#sources.copyProblem(),
      provisioningProblem: this.#sources.provisioningProblem(),
      stateFilesProblem: this.#sources.stateFilesProblem(),
      unreached: untold,
      failingDevices: failing,
      recoveryKeyKept: kept,
      overdueDays: overdueDays(),
    };
  }

  #homeAway({ state, problem }: HomeAssistant): number | undefined {
    const away = state === 'away' || state === 'refused' || (state === 'connected' && problem !== null);
    if (!away) this.#homeAwaySince = undefined;
    else this.#homeAwaySince ??= this.#clock.monotonic();
    return this.#homeAwaySince === undefined ? undefined : this.#clock.monotonic() - this.#homeAwaySince;
  }

  async #littleRoom(): Promise<number | undefined> {
    const { free, total } = await this.#sources.room();
    const limit = Math.min(LITTLE_BYTES, total * LITTLE_SHARE);
    this.#little = free < (this.#little ? limit * CLEARLY_MORE : limit);
    return this.#little ? free : undefined;
  }
}
