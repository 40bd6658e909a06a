import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import {
  checkZip,
  withZipFile,
  type ZipEntry,
  type ZipSource,
  zipBytes,
  zipEntries,
  zipInMemory,
} from '../artefacts/zip.ts';
import { address, flag, type SettingsOf, secret } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type Identity } from '../handler.ts';
import type { DeviceHttp } from '../http/client.ts';
import { maskedYaml } from './yaml-text.ts';

const fields = {
  address: address(),
  api_key: secret({ required: true }),
  print_files: flag(),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** The one file; OctoPrint gives it a name with a date in it. */
const BACKUP = 'octoprint-backup.zip';

/** OctoPrint takes no larger one back on its page (`MAX_UPLOAD_SIZE` of its backup plugin; bytes). */
const LARGEST = 1024 * 1024 * 1024;

/** Folders with what was printed, by OctoPrint's names of them. */
const PRINT_FILES = ['timelapse', 'uploads'];

/** It is asked so often whether it has made the backup (milliseconds). */
const POLL_MS = 2_000;

/** It has made none when it was idle so often; it takes a moment before it begins. */
const IDLE_POLLS = 3;

/** One that nobody wants any more is waited for so often until it can be removed. */
const DISCARD_POLLS = 100;

/** What describes a backup, and the settings in it. */
const METADATA = 'metadata.json';
const SETTINGS = 'basedir/config.yaml';

/** No settings that a person made are larger (bytes). */
const TEXT_LIMIT = 1024 * 1024;

/** What it writes by itself: caches, logs, results of checks, and copies of the settings. */
const NOISE =
  /^basedir\/(data\/(achievements|announcements|file_check|health_check|pluginmanager|softwareupdate|tracking)\/|data\/preemptive_cache_config\.yaml$|config\.backup$|config\.[\w-]+\.yaml$|[^/]*\.(log|pid)$)/;

/** `GET /api/currentuser`: whose key it is; a guest has no name. */
const User = v.object({ name: v.nullable(v.string()), permissions: v.array(v.string()) });
const Version = v.object({ server: v.string(), text: v.optional(v.string()) });
const Settings = v.object({
  appearance: v.optional(v.object({ name: v.optional(v.string()) })),
  plugins: v.optional(
    v.object({ discovery: v.optional(v.object({ upnpUuid: v.optional(v.nullable(v.string())) })) }),
  ),
});
const Created = v.object({ name: v.pipe(v.string(), v.regex(/^[\w.-]+\.zip$/)) });
const State = v.object({
  backup_in_progress: v.boolean(),
  backups: v.array(v.object({ name: v.string() })),
});
const Metadata = v.object({ version: v.string() });

async function read<Schema extends v.GenericSchema>(
  http: DeviceHttp,
  path: string,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const parsed = v.safeParse(schema, await (await http.ask({ path })).json());
  if (parsed.success) return parsed.output;
  throw new Problem('device_other_kind', { params: { host: http.host, kind: 'OctoPrint' } });
}

/** OctoPrint, after the key was found to be one of an administrator: to wrong ones it answers as to a guest. */
async function reach({ http, settings }: Context): Promise<DeviceHttp> {
  const device = http({ address: settings.address, headers: { 'x-api-key': settings.api_key } });
  const { host } = device;
  const { name, permissions } = await read(device, '/api/currentuser', User);
  if (name === null) throw new Problem('device_password', { params: { host } });
  // making a backup is a right of its own; reading it is not
  if (!permissions.includes('ADMIN')) throw new Problem('device_forbidden', { params: { host } });
  return device;
}

async function identify(http: DeviceHttp): Promise<Identity> {
  const { server, text } = await read(http, '/api/version', Version);
  if (!text?.startsWith('OctoPrint')) {
    throw new Problem('device_other_kind', { params: { host: http.host, kind: 'OctoPrint' } });
  }
  const { appearance, plugins } = await read(http, '/api/settings', Settings);
  return {
    id: plugins?.discovery?.upnpUuid ?? undefined,
    name: appearance?.name || undefined,
    model: 'OctoPrint',
    firmware: server,
  };
}

/** Has a backup begun, and returns what it is called there. */
async function begin(http: DeviceHttp, { settings }: Context): Promise<string> {
  const exclude = settings.print_files ? [] : PRINT_FILES;
  const answer = await http.ask({
    method: 'POST',
    path: '/plugin/backup/backup',
    type: 'application/json',
    body: JSON.stringify({ exclude }),
  });
  const created = v.safeParse(Created, await answer.json());
  if (created.success) return created.output.name;
  throw new Problem('device_unexpected', { params: { host: http.host, reason: 'no name of the backup' } });
}

/** Waits until a backup that was begun is whole. */
async function finished(http: DeviceHttp, name: string, { clock, signal }: Context): Promise<void> {
  for (let idle = 0; idle < IDLE_POLLS; ) {
    const { backup_in_progress: busy, backups } = await read(http, '/plugin/backup/', State);
    // it is listed when it is whole
    if (backups.some((backup) => backup.name === name)) return;
    idle = busy ? 0 : idle + 1;
    await clock.sleep(POLL_MS, signal);
  }
  const reason = 'it began a backup and has none; its log says why, often too little space';
  throw new Problem('device_failed', { params: { host: http.host, reason } });
}

/** Removes a backup there, also when what it was for has been cancelled: its card is small. */
async function discard(name: string, { http, settings, clock, log }: Context): Promise<void> {
  const { address: where, api_key: key } = settings;
  const device = http({ address: where, headers: { 'x-api-key': key } }, new AbortController().signal);
  try {
    // what is being made cannot be removed yet
    for (let polls = 0; polls < DISCARD_POLLS; polls += 1) {
      const { backup_in_progress: busy, backups } = await read(device, '/plugin/backup/', State);
      if (!busy || backups.some((backup) => backup.name === name)) break;
      await clock.sleep(POLL_MS);
    }
    const answer = await device.ask({ method: 'DELETE', path: `/plugin/backup/backup/${name}` });
    await answer.drain();
  } catch {
    log.warning('a backup stays on OctoPrint', { host: device.host });
  }
}

/** OctoPrint with its backup plugin, from 1.5; tested on the real one. */
export const octoprint = handler({
  kind: 'octoprint',
  fields,
  extension: 'zip',
  maxBytes: LARGEST,
  place: ({ address: where }) => where,
  test: async (context) => {
    const http = await reach(context);
    const identity = await identify(http);
    await read(http, '/plugin/backup/', State);
    return identity;
  },
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const http = await reach(context);
    const name = await begin(http, context);
    try {
      await finished(http, name, context);
      const answer = await http.ask({ path: `/plugin/backup/download/${name}` });
      yield { name: BACKUP, content: answer.body };
    } finally {
      await discard(name, context);
    }
  },
  validate: (saved) =>
    withZipFile(saved.get(BACKUP), async (source) => {
      const entries = await checkZip(source);
      const metadata = await textOf(source, entries, METADATA);
      if (!v.is(Metadata, json(metadata))) throw wrong(METADATA);
      if (!entries.some(({ name }) => name === SETTINGS)) throw wrong(SETTINGS);
    }),
  normalise: async (name, bytes) => {
    const source = zipInMemory(name, bytes);
    const entries = await zipEntries(source);
    const settings = await textOf(source, entries, SETTINGS);
    const listed = entries
      .filter((entry) => ![METADATA, SETTINGS].includes(entry.name) && !NOISE.test(entry.name))
      .map(({ name: file, size, crc32 }) => `${file} ${size} ${crc32.toString(16).padStart(8, '0')}`)
      .toSorted();
    return `${maskedYaml(settings).trimEnd()}\n\n${listed.join('\n')}\n`;
  },
  discovery: {
    mdns: ['_octoprint._tcp'],
    port: 80,
    recognise: async (http) => {
      await read(http, '/api/currentuser', User);
      const page = await (await http.ask({ path: '/login/' })).text();
      return page.includes('<title>OctoPrint Login</title>') ? { model: 'OctoPrint' } : undefined;
    },
  },
});

const wrong = (file: string): Problem =>
  new Problem('artefact_wrong', { params: { file: BACKUP, reason: `no ${file} in it` } });

async function textOf(source: ZipSource, entries: readonly ZipEntry[], name: string): Promise<string> {
  const entry = entries.find((one) => one.name === name);
  if (!entry) throw wrong(name);
  return (await zipBytes(source, entry, TEXT_LIMIT)).toString('utf8');
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
