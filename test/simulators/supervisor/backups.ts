import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createReadStream, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as v from 'valibot';
import { homeAssistantBin } from '../../harness/cache.ts';
import { ANSWERED, ApiFault } from './answers.ts';
import { readObject } from './call.ts';
import type { CoreLink } from './core-link.ts';
import type { Jobs } from './jobs.ts';
import type { RouteTable } from './routes.ts';
import type { World } from './world.ts';

const WRITER = join(import.meta.dirname, 'write_backup.py');
const SLUG_BYTES = 4;

/** Where a backup may lie: with the Supervisor, or for as long as Core passes it on to others. */
const LOCATIONS = ['.local', '.cloud_backup'] as const;

const Names = v.union([v.literal('ALL'), v.array(v.string())]);

/** What Core asks for; anything else is refused, as the Supervisor does. */
const PartialBackup = v.strictObject({
  name: v.string(),
  password: v.optional(v.nullable(v.string())),
  compressed: v.optional(v.boolean()),
  location: v.pipe(v.array(v.picklist(LOCATIONS)), v.minLength(1)),
  homeassistant: v.optional(v.boolean(), false),
  homeassistant_exclude_database: v.optional(v.boolean(), false),
  addons: v.optional(Names),
  folders: v.optional(v.array(v.picklist(['share', 'addons/local', 'ssl', 'media'])), []),
  background: v.literal(true),
  extra: v.optional(v.record(v.string(), v.unknown()), {}),
  filename: v.optional(v.pipe(v.string(), v.regex(/^[^/]+\.tar$/))),
});
type PartialBackup = v.InferOutput<typeof PartialBackup>;

interface Backup {
  readonly slug: string;
  readonly date: string;
  readonly path: string;
  readonly asked: PartialBackup;
  readonly version: string | null;
  locations: readonly string[];
}

const isProtected = ({ asked }: Backup): boolean => typeof asked.password === 'string';

function locations(backup: Backup): object {
  const attributes = { protected: isProtected(backup), size_bytes: statSync(backup.path).size };
  return Object.fromEntries(backup.locations.map((location) => [location, attributes]));
}

function described(backup: Backup): object {
  const { slug, date, asked, version } = backup;
  return {
    slug,
    name: asked.name,
    date,
    type: 'partial',
    location_attributes: locations(backup),
    compressed: true,
    supervisor_version: '2026.10.0',
    homeassistant: version,
    addons: [],
    repositories: [],
    folders: asked.folders,
    homeassistant_exclude_database: version === null ? null : asked.homeassistant_exclude_database,
    extra: asked.extra,
  };
}

function listed(backup: Backup): object {
  const { slug, date, asked, version } = backup;
  return {
    slug,
    date,
    name: asked.name,
    type: 'partial',
    location_attributes: locations(backup),
    compressed: true,
    content: { homeassistant: version !== null, addons: [], folders: asked.folders },
  };
}

/** What the Supervisor's own library writes. */
function write(wanted: object): Promise<void> {
  return new Promise((resolve, reject) => {
    const writer = execFile(join(homeAssistantBin(), 'python'), [WRITER], (error, _out, stderr) =>
      error ? reject(new Error(`the backup cannot be written: ${stderr}`)) : resolve(),
    );
    writer.stdin?.end(JSON.stringify(wanted));
  });
}

/** Partial backups, as Core has them made. Uploads and restores are not played. */
export class Backups {
  readonly #world: World;
  readonly #jobs: Jobs;
  readonly #dir: () => string;
  readonly #backups = new Map<string, Backup>();

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
    const found = (slug = ''): Backup => {
      const backup = this.#backups.get(slug);
      if (!backup) throw new ApiFault(404, 'Backup does not exist');
      return backup;
    };
    return {
      'GET /backups': () => ({ backups: [...this.#backups.values()].map(listed) }),
      'POST /backups/new/partial': async (call) => {
        const parsed = v.safeParse(PartialBackup, await readObject(call));
        if (!parsed.success) throw new ApiFault(400, parsed.issues.map(({ message }) => message).join('; '));
        const { core } = this.#world;
        if (!core) throw new ApiFault(400, 'Home Assistant does not run');
        const job = this.#jobs.begin('backup_manager_partial_backup', (stage) =>
          this.#create(parsed.output, core, stage),
        );
        return { job_id: job.uuid };
      },
      'GET /backups/{slug}/info': ({ params }) => described(found(params.slug)),
      'GET /backups/{slug}/download': async ({ params, response }) => {
        const { path } = found(params.slug);
        response.writeHead(200, { 'content-type': 'application/tar', 'content-length': statSync(path).size });
        await pipeline(createReadStream(path), response).catch(() => undefined);
        return ANSWERED;
      },
      'DELETE /backups/{slug}': async (call) => {
        const backup = found(call.params.slug);
        const { location } = await readObject(call);
        backup.locations = backup.locations.filter(
          (name) => Array.isArray(location) && !location.includes(name),
        );
        if (backup.locations.length > 0) return;
        this.#backups.delete(backup.slug);
        rmSync(backup.path, { force: true });
      },
    };
  }

  async #create(
    asked: PartialBackup,
    core: CoreLink,
    stage: (name: string) => Promise<void>,
  ): Promise<string> {
    const slug = randomBytes(SLUG_BYTES).toString('hex');
    const dir = this.#dir();
    mkdirSync(dir, { recursive: true });
    const backup: Backup = {
      slug,
      date: new Date(this.#world.clock.now()).toISOString(),
      path: join(dir, `${slug}.tar`),
      asked,
      version: asked.homeassistant ? core.version : null,
      locations: asked.location,
    };
    await stage('home_assistant');
    if (asked.homeassistant) await core.command('backup/start');
    try {
      await write({
        path: backup.path,
        config_dir: core.container.configDir,
        password: asked.password ?? null,
        description: this.#description(backup),
      });
    } finally {
      if (asked.homeassistant) await core.command('backup/end');
    }
    await stage('finishing_file');
    this.#backups.set(slug, backup);
    return slug;
  }

  #description({ slug, date, asked, version, ...backup }: Backup): object {
    return {
      version: 2,
      supervisor_version: '2026.10.0',
      slug,
      name: asked.name,
      date,
      type: 'partial',
      compressed: true,
      protected: isProtected({ slug, date, asked, version, ...backup }),
      homeassistant:
        version === null
          ? null
          : { version, size: 0, exclude_database: asked.homeassistant_exclude_database },
      folders: [],
      addons: [],
      repositories: [],
      extra: asked.extra,
    };
  }
}
