import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type Identity } from '../handler.ts';
import { type DeviceHttp, type HttpAnswer, looksLikePage } from '../http/client.ts';
import { multipart } from '../http/multipart.ts';
import { comparable } from './json.ts';

const fields = {
  address: address(),
  pin: secret({ advanced: true }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** `GET /json/info` (json.cpp, serializeInfo); only what is used here. `vid` is the day of the build. */
const Info = v.object({
  ver: v.string(),
  vid: v.number(),
  name: v.optional(v.string()),
  mac: v.optional(v.string()),
  arch: v.optional(v.string()),
  product: v.optional(v.string()),
});

const Settings = v.looseObject({ hw: v.looseObject({}) });
const Presets = v.record(v.string(), v.looseObject({}));

/** The file that makes the device restart when it is written, and so goes last (wled_server.cpp, handleUpload). */
const CONFIGURATION = 'cfg.json';
const PRESETS = 'presets.json';

/**
 * What the firmware reads of its file system, and a person may have put there: settings, presets, maps, palettes, remotes,
 * pictures, fonts, styles. No copies that it makes itself (`bkp.`, `tmp.json`); and nothing with "sec" in its name, which it
 * never gives out, since `wsec.json` holds the passwords (file.cpp, handleFileRead).
 */
const KEPT = /^(?!.*sec)(?!bkp\.|tmp\.json$)[^/]+\.(json|css|gif|wbf)$/;

/** What builds without an editor are asked for, since they list nothing. */
const USUAL = [
  CONFIGURATION,
  PRESETS,
  'ir.json',
  'remote.json',
  '2d-gaps.json',
  'holidays.json',
  'skin.css',
  'ledmap.json',
  ...Array.from({ length: 9 }, (_, index) => `ledmap${index + 1}.json`),
  ...Array.from({ length: 10 }, (_, index) => `palette${index}.json`),
];

/** Product names that say nothing (wled.h). */
const ANY_PRODUCT = 'FOSS';

/** What it says when it has taken a file: "File Uploaded!", "Config restore ok.", before 16 "Configuration restore successful.". */
const TAKEN = /^(File Uploaded|Config\w* restore)/;

/** Enough of its words to know why. */
const REASON_LENGTH = 100;

async function info(http: DeviceHttp): Promise<v.InferOutput<typeof Info> | undefined> {
  const answer = await http.ask({ path: '/json/info', accept: [200, 404] });
  if (answer.status === 200) {
    const parsed = v.safeParse(Info, await answer.json());
    return parsed.success ? parsed.output : undefined;
  }
  await answer.drain();
  return undefined;
}

function identity({ ver, name, mac, arch, product }: v.InferOutput<typeof Info>): Identity {
  const model = product === undefined || product === ANY_PRODUCT ? 'WLED' : product;
  return { id: mac?.toLowerCase(), name, firmware: ver, model, chip: arch };
}

async function known(http: DeviceHttp): Promise<Identity> {
  const found = await info(http);
  if (!found) throw new Problem('device_other_kind', { params: { host: http.host, kind: 'WLED' } });
  return identity(found);
}

/** Its answer to a wrong PIN says nothing; what it then refuses does. After one, it takes none for 3 s (util.cpp, checkSettingsPIN). */
async function open({ settings, http }: Context): Promise<DeviceHttp> {
  const device = http({ address: settings.address });
  if (settings.pin !== '') {
    const body = JSON.stringify({ pin: settings.pin });
    await (await device.ask({ method: 'POST', path: '/json', type: 'application/json', body })).drain();
  }
  return device;
}

/** Runs what a PIN may protect. */
async function unlocked<Result>(http: DeviceHttp, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (isProblem(error, 'device_password'))
      throw new Problem('device_code', { params: { host: http.host } });
    throw error;
  }
}

/** Names stand with a slash or without one, by the version. */
const Listing = v.array(v.looseObject({ name: v.string(), size: v.optional(v.number()) }));

/**
 * The files in its file system that are kept: by the way that all versions know, else by the one since 16. Undefined where
 * the build has no editor, or updates are locked on an old one. Empty files hold nothing.
 */
async function list(http: DeviceHttp): Promise<string[] | undefined> {
  for (const path of ['/edit?list=/', '/edit?func=list&path=/']) {
    const answer = await unlocked(http, () => http.ask({ path, accept: [200, 400, 404, 500, 501] }));
    const content = await answer.text();
    if (answer.status !== 200 || !content.trimStart().startsWith('[')) continue;
    const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Listing), content);
    if (!parsed.success) {
      throw new Problem('device_unexpected', { params: { host: http.host, reason: 'no list of files' } });
    }
    return parsed.output
      .filter(({ size }) => size !== 0)
      .map(({ name }) => name.replace(/^\/+/, ''))
      .filter((name) => KEPT.test(name));
  }
  return undefined;
}

/** One file; undefined where there is none. Reading asks for no PIN. */
async function file(http: DeviceHttp, name: string): Promise<HttpAnswer | undefined> {
  const answer = await http.ask({ path: `/${encodeURIComponent(name)}?download`, accept: [200, 404] });
  if (answer.status === 200) return answer;
  await answer.drain();
  return undefined;
}

/** WLED, the firmware of LED controllers; tested against a simulator that the client `wled` proves. */
export const wled = handler({
  kind: 'wled',
  fields,
  extension: 'json',
  place: ({ address: where }) => where,
  test: async (context) => {
    const http = await open(context);
    const found = await known(http);
    await list(http);
    return found;
  },
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const http = await open(context);
    const listed = await list(http);
    // its settings may not be listed while they are written anew
    const names = new Set([CONFIGURATION, ...(listed ?? USUAL).toSorted()]);
    for (const name of names) {
      const answer = await file(http, name);
      if (answer) yield { name, content: answer.body };
      else if (listed) throw new Problem('device_not_there', { params: { host: http.host } });
    }
  },
  validate: async (saved) => {
    saved.get(CONFIGURATION);
    for (const one of saved.files.filter(({ name }) => name.endsWith('.json'))) {
      const content = parse(one.name, await one.text());
      const wrong = (reason: string) => new Problem('artefact_wrong', { params: { file: one.name, reason } });
      if (one.name === CONFIGURATION && !v.is(Settings, content)) throw wrong('no section "hw"');
      if (one.name === PRESETS && !v.is(Presets, content)) throw wrong('no presets');
    }
  },
  normalise: (name, bytes) => (name.endsWith('.css') ? bytes.toString('utf8') : comparable(bytes)),
  restore: {
    same: ['chip'],
    warnings: ['wifi'],
    awayMs: 60_000,
    run: async (context, saved) => {
      const http = await open(context);
      const last = saved.get(CONFIGURATION);
      for (const one of [...saved.files.filter((other) => other !== last), last]) {
        const { body, type } = multipart({}, [
          { field: 'data', filename: `/${one.name}`, bytes: await one.bytes(), type: 'application/json' },
        ]);
        const answer = await unlocked(http, () =>
          http.ask({ method: 'POST', path: '/upload', body, type, accept: [200, 400, 403, 404, 500, 501] }),
        );
        const said = (await answer.text()).trim();
        if (answer.status !== 200 || !TAKEN.test(said)) {
          throw new Problem('restore_refused', {
            params: {
              file: one.name,
              reason: looksLikePage(said) ? `status ${answer.status}` : said.slice(0, REASON_LENGTH),
            },
          });
        }
      }
    },
    verify: async (context, saved) => {
      const http = context.http({ address: context.settings.address });
      for (const one of saved.files) {
        const now = await (await file(http, one.name))?.bytes();
        const same =
          now &&
          (one.name === CONFIGURATION
            ? sameSettings(await one.bytes(), now)
            : sameContent(await one.bytes(), now));
        if (!same) throw new Problem('restore_different', { params: { file: one.name } });
      }
    },
  },
  discovery: {
    mdns: ['_wled._tcp'],
    integrations: ['wled'],
    port: 80,
    recognise: async (http) => {
      const found = await info(http);
      return found && identity(found);
    },
  },
});

const sameContent = (saved: Buffer, now: Buffer): boolean =>
  saved.equals(now) || (comparable(saved) !== undefined && comparable(saved) === comparable(now));

/** Of the firmware, which writes them anew when it starts as another version (cfg.cpp); in outputs, `rev` is the direction. */
const OF_FIRMWARE = { vid: undefined, rev: undefined };

/** Whether each setting that both know is the same: another version leaves out some and adds others. */
function sameSettings(saved: Buffer, now: Buffer): boolean {
  const same = (a: unknown, b: unknown): boolean => {
    if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return a === b;
    if (Array.isArray(a) && (!Array.isArray(b) || a.length !== b.length)) return false;
    const other = b as Readonly<Record<string, unknown>>;
    return Object.entries(a).every(([name, value]) => !(name in other) || same(value, other[name]));
  };
  const read = (bytes: Buffer) =>
    v.safeParse(v.pipe(v.string(), v.parseJson(), Settings), bytes.toString('utf8'));
  const [before, after] = [read(saved), read(now)];
  return (
    before.success &&
    after.success &&
    same({ ...before.output, ...OF_FIRMWARE }, { ...after.output, ...OF_FIRMWARE })
  );
}

function parse(name: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    if (/^\s*[[{]/.test(content)) throw new Problem('artefact_cut', { params: { file: name } });
    throw new Problem('artefact_wrong', { params: { file: name, reason: 'no JSON' } });
  }
}
