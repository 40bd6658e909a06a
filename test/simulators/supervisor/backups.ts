import { randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { ANSWERED, ApiFault } from './answers.ts';
import {
  describeArchive,
  tryPassword,
  unpackArchive,
  WrongPassword,
  writeArchive,
} from './backup-archive.ts';
import {
  ArchiveDescription,
  described,
  listed,
  PartialBackup,
  PartialRestore,
  type StoredBackup,
} from './backup-models.ts';
import { type Call, readObject } from './call.ts';
import type { CoreLink } from './core-link.ts';
import type { Job, Jobs } from './jobs.ts';
import { receivePart } from './multipart.ts';
import type { RouteTable } from './routes.ts';
import type { World } from './world.ts';

const SLUG_BYTES = 4;

type Stage = (name: string) => Promise<void>;

async function parsed<Schema extends v.GenericSchema>(
  schema: Schema,
  call: Call,
): Promise<v.InferOutput<Schema>> {
  const result = v.safeParse(schema, await readObject(call));
  if (result.success) return result.output;
  throw new ApiFault(400, result.issues.map(({ message }) => message).join('; '));
}

/** Partial backups of Home Assistant, as Core has them made and put back. Apps and folders are not part of the play. */
export class Backups {
  readonly #world: World;
  readonly #jobs: Jobs;
  readonly #dir: () => string;
  readonly #backups = new Map<string, StoredBackup>();

  constructor(world: World, jobs: Jobs, dir: () => string) {
    this.#world = world;
    this.#jobs = jobs;
    this.#dir = dir;
  }

  /** The backups that it has. */
  get stored(): string[] {
    return [...this.#backups.keys()];
  }

  routes(): RouteTable {
    return {
      'GET /backups': () => ({ backups: [...this.#backups.values()].map(listed) }),
      'POST /backups/new/partial': async (call) => {
        const asked = await parsed(PartialBackup, call);
        const core = this.#core();
        const work = (_job: Job, stage: Stage) => this.#create(asked, core, stage);
        return { job_id: this.#jobs.begin('backup_manager_partial_backup', work).uuid };
      },
      'POST /backups/new/upload': async ({ request, query }) => {
        const path = join(this.#folder(), `upload-${randomBytes(SLUG_BYTES).toString('hex')}.tar`);
        await receivePart(request, path);
        return { slug: await this.#take(path, query.getAll('location')) };
      },
      'GET /backups/{slug}/info': ({ params }) => described(this.#found(params.slug)),
      'GET /backups/{slug}/download': async ({ params, response }) => {
        const { path } = this.#found(params.slug);
        response.writeHead(200, { 'content-type': 'application/tar', 'content-length': statSync(path).size });
        await pipeline(createReadStream(path), response).catch(() => undefined);
        return ANSWERED;
      },
      'POST /backups/{slug}/restore/partial': async (call) => {
        const backup = this.#found(call.params.slug);
        const { password = null } = await parsed(PartialRestore, call);
        const core = this.#core();
        await tryPassword(backup.path, password).catch((error) => {
          if (error instanceof WrongPassword) {
            throw new ApiFault(400, `Invalid password for backup ${backup.slug}`);
          }
          throw error;
        });
        const work = (job: Job, stage: Stage) => this.#restore(backup, password, core, job, stage);
        return { job_id: this.#jobs.begin('backup_manager_partial_restore', work).uuid };
      },
      'DELETE /backups/{slug}': async (call) => {
        const backup = this.#found(call.params.slug);
        const { location } = await readObject(call);
        const left = backup.locations.filter((name) => Array.isArray(location) && !location.includes(name));
        if (left.length > 0) {
          this.#backups.set(backup.slug, { ...backup, locations: left });
          return;
        }
        this.#backups.delete(backup.slug);
        rmSync(backup.path, { force: true });
      },
    };
  }

  #found(slug = ''): StoredBackup {
    const backup = this.#backups.get(slug);
    if (!backup) throw new ApiFault(404, 'Backup does not exist');
    return backup;
  }

  #core(): CoreLink {
    if (!this.#world.core) throw new ApiFault(400, 'Home Assistant does not run');
    return this.#world.core;
  }

  #folder(): string {
    const dir = this.#dir();
    mkdirSync(dir, { recursive: true });
    return dir;
  }

  async #create(asked: PartialBackup, core: CoreLink, stage: Stage): Promise<string> {
    const slug = randomBytes(SLUG_BYTES).toString('hex');
    const description = {
      ...{ version: 2, supervisor_version: '2026.10.0', slug, name: asked.name, type: 'partial' },
      ...{ date: new Date(this.#world.clock.now()).toISOString(), compressed: true },
      ...{ protected: typeof asked.password === 'string', extra: asked.extra },
      ...{ folders: [], addons: [], repositories: [] },
      homeassistant: asked.homeassistant
        ? { version: core.version, size: 0, exclude_database: asked.homeassistant_exclude_database }
        : null,
    };
    const path = join(this.#folder(), `${slug}.tar`);
    const { configDir } = core.container;
    await stage('home_assistant');
    if (asked.homeassistant) await core.command('backup/start');
    try {
      await writeArchive({ path, config_dir: configDir, password: asked.password ?? null, description });
    } finally {
      if (asked.homeassistant) await core.command('backup/end');
    }
    await stage('finishing_file');
    return this.#take(path, asked.location);
  }

  /** Knows an archive from now on, under the name that it gives itself. */
  async #take(path: string, locations: readonly string[]): Promise<string> {
    const description = v.parse(ArchiveDescription, await describeArchive(path));
    const { slug } = description;
    const own = join(this.#folder(), `${slug}.tar`);
    renameSync(path, own);
    this.#backups.set(slug, { slug, path: own, description, locations });
    return slug;
  }

  /** Core is stopped, gets its folder back, and is told on its next start which job that was. */
  async #restore(
    { slug, path }: StoredBackup,
    password: string | null,
    core: CoreLink,
    job: Job,
    stage: Stage,
  ): Promise<string> {
    await stage('home_assistant');
    const config_dir = core.container.configDir;
    await core.container.replace(() => unpackArchive({ path, password, config_dir }), {
      SUPERVISOR_RESTORE_JOB_ID: job.uuid,
    });
    await stage('await_home_assistant_restart');
    await core.untilItRuns();
    return slug;
  }
}
