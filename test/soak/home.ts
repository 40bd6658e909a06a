import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import SQLite from 'better-sqlite3';
import type { S3Settings, Target } from '../../src/contract/index.ts';
import type { CoreClient } from '../harness/core-client.ts';
import type { IdleClock } from '../harness/idle-clock.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { removeTemporary, temporaryFolder } from '../harness/temporary.ts';
import type { S3Simulator } from '../simulators/s3/index.ts';
import { MortalClock } from './mortal-clock.ts';

export const BUCKET = 'backups';
const FOLDER = 'homeassistant/backups';

/** A transfer in which nothing moves for so long is given up (milliseconds). */
const IDLE_TIMEOUT_MS = 2_000;

/** More than two parts at once make them 8 MiB. */
const PARALLEL_PARTS = 3;

/** What exists of the core while its process is dead. */
const DATABASE = ['homestash.db', 'homestash.db-wal', 'secret.key'];

/** A process of the core. */
interface Life {
  readonly core: LocalCore;
  readonly clock: MortalClock;
}

/** Nobody answers at the core's address. */
export class CoreAway extends Error {}

/** The box: a core that is stopped and killed, and begins again on what its disk has. */
export class Home {
  readonly #clock: IdleClock;
  readonly #simulator: S3Simulator;
  readonly #folder = temporaryFolder('soak');
  /** Undefined while its process is dead. */
  #life: Life | undefined;
  #target: Target | undefined;
  #disks = 0;
  readonly #defects: string[] = [];
  /** Ends when the last process that was to end has done so. */
  ended: Promise<void> = Promise.resolve();
  /** How often the core went or came. */
  changes = -1;

  constructor(clock: IdleClock, simulator: S3Simulator) {
    this.#clock = clock;
    this.#simulator = simulator;
  }

  static async open(clock: IdleClock, simulator: S3Simulator, settings: Partial<S3Settings>): Promise<Home> {
    const home = new Home(clock, simulator);
    await home.#live(home.#newDisk());
    home.#target = await home.client.addTarget({
      name: 'Store',
      settings: {
        kind: 's3',
        endpoint: simulator.endpoint,
        region: simulator.region,
        bucket: BUCKET,
        folder: FOLDER,
        access_key: simulator.accessKey,
        secret_key: simulator.secretKey,
        parallel_parts: PARALLEL_PARTS,
        ...settings,
      },
    });
    return home;
  }

  /** Whether the core is there. */
  get steady(): boolean {
    return this.changes % 2 === 0;
  }

  get client(): CoreClient {
    return this.#alive.core.client;
  }

  get #alive(): Life {
    if (!this.#life) throw new CoreAway();
    return this.#life;
  }

  get targetId(): string {
    return this.#target?.id ?? '';
  }

  /** What any life of the core took for a defect of its own. */
  get defects(): readonly string[] {
    return [...this.#defects, ...(this.#life?.core.defects() ?? [])];
  }

  /** Stops the core in good order, and starts it again after a while. */
  async restart(awayMs: number): Promise<void> {
    this.changes += 1;
    const { core, clock } = this.#alive;
    this.ended = core.stop();
    await this.ended;
    await this.#away(core, clock, awayMs);
    await this.#live(core.dataDir);
    await core.remove();
  }

  /**
   * Kills the core: what its disk has at this moment is what the next one begins with. The process of the test goes
   * on, so the old one is cut off from the store in the same moment, and ends on a disk that nobody looks at again.
   */
  async kill(awayMs: number): Promise<void> {
    this.changes += 1;
    const { core, clock } = this.#alive;
    const dataDir = this.#newDisk();
    for (const file of DATABASE) cpSync(join(core.dataDir, file), join(dataDir, file));
    this.#life = undefined;
    const refused = this.#simulator.refuseConnections();
    this.#defects.push(...core.defects());
    core.lines.length = 0;
    this.ended = refused.then(() => core.remove());
    await this.ended;
    core.lines.length = 0;
    await this.#away(core, clock, awayMs);
    await this.#live(dataDir);
  }

  /** Nobody asks the store for anything meanwhile, so what a dead process still tries is refused. */
  async #away(dead: LocalCore, clock: MortalClock, ms: number): Promise<void> {
    clock.die();
    this.#defects.push(...dead.defects());
    this.#life = undefined;
    await this.#simulator.refuseConnections();
    await this.#clock.sleep(ms);
    await this.#simulator.acceptConnections();
  }

  async #live(dataDir: string): Promise<void> {
    const clock = new MortalClock(this.#clock);
    const core = await startLocalCore({ clock, idleTimeoutMs: IDLE_TIMEOUT_MS, dataDir });
    this.#life = { core, clock };
    this.changes += 1;
  }

  #newDisk(): string {
    this.#disks += 1;
    const dataDir = join(this.#folder, `disk-${this.#disks}`);
    mkdirSync(dataDir);
    return dataDir;
  }

  /** What the core's own records hold of something that is in none of its answers. */
  query<Row>(sql: string): Row[] {
    const database = new SQLite(join(this.#alive.core.dataDir, DATABASE[0] ?? ''), { readonly: true });
    try {
      return database.prepare(sql).all() as Row[];
    } finally {
      database.close();
    }
  }

  /** Lets go of log lines, which are no memory of the core's. */
  forgetLog(): void {
    if (!this.#life) return;
    const { core } = this.#life;
    this.#defects.push(...core.defects());
    core.lines.length = 0;
  }

  async close(): Promise<void> {
    await this.#life?.core.remove();
    removeTemporary(this.#folder);
  }
}
