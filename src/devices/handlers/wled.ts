import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type Identity } from '../handler.ts';
import type { DeviceHttp } from '../http/client.ts';
import { multipart } from '../http/multipart.ts';
import { comparable } from './json.ts';

const fields = {
  address: address(),
  pin: secret({ advanced: true }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** `GET /json/info` (WLED's JSON API); only what is used here. */
const Info = v.object({
  ver: v.string(),
  name: v.optional(v.string()),
  mac: v.optional(v.string()),
  arch: v.optional(v.string()),
  product: v.optional(v.string()),
  brand: v.optional(v.string()),
});

const Configuration = v.object({ hw: v.looseObject({}) });

/** The file that makes the device restart when it is written, and so goes last. */
const CONFIGURATION = 'cfg.json';

/** What is worth keeping of its file system; Wi-Fi and other passwords (`wsec.json`) are never given out. */
const KEPT = /^(cfg|presets|ir|remote|ledmap\d*|palette\d+|[\w-]*custom[\w-]*)\.json$/;

/** What it measures by itself and nobody set. */
const NOISE = /^(nl\.|if\.ntp\.)/;

async function info(http: DeviceHttp): Promise<v.InferOutput<typeof Info> | undefined> {
  const parsed = v.safeParse(Info, await (await http.ask({ path: '/json/info' })).json());
  return parsed.success ? parsed.output : undefined;
}

function identity({ ver, name, mac, arch, product, brand }: v.InferOutput<typeof Info>): Identity {
  return { id: mac?.toLowerCase(), name, firmware: ver, model: product ?? brand ?? 'WLED', chip: arch };
}

async function known(http: DeviceHttp): Promise<Identity> {
  const found = await info(http);
  if (!found) throw new Problem('device_other_kind', { params: { host: http.host, kind: 'WLED' } });
  return identity(found);
}

/** Its answer to a wrong PIN says nothing; what it then refuses does. */
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

const Listing = v.array(v.looseObject({ name: v.string() }));

/** The files in its file system: as version 0.16 and later list them, else as those before did. */
async function list(http: DeviceHttp): Promise<string[]> {
  for (const path of ['/edit?func=list&path=/', '/edit?list=/']) {
    const answer = await unlocked(http, () => http.ask({ path, accept: [200, 400, 404, 500] }));
    const content = await answer.text();
    if (answer.status !== 200 || !content.trimStart().startsWith('[')) continue;
    const parsed = v.safeParse(Listing, JSON.parse(content));
    if (parsed.success) return parsed.output.map(({ name }) => name.replace(/^\/+/, ''));
  }
  // builds without an editor give these all the same
  return [CONFIGURATION, 'presets.json'];
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
    const names = (await list(http)).filter((name) => KEPT.test(name));
    if (!names.includes(CONFIGURATION)) names.unshift(CONFIGURATION);
    for (const name of names.toSorted((a, b) => Number(b === CONFIGURATION) - Number(a === CONFIGURATION))) {
      const answer = await unlocked(http, () => http.ask({ path: `/${name}?download`, accept: [200, 404] }));
      if (answer.status === 200) yield { name, content: answer.body };
      // a device on which nobody has saved a preset has no such file
      else await answer.drain();
    }
  },
  validate: async (saved) => {
    for (const file of saved.files) {
      const content = parse(file.name, await file.text());
      if (file.name === CONFIGURATION && !v.is(Configuration, content)) {
        throw new Problem('artefact_wrong', { params: { file: file.name, reason: 'no section "hw"' } });
      }
    }
    saved.get(CONFIGURATION);
  },
  normalise: (_name, bytes) => comparable(bytes, { noise: NOISE }),
  restore: {
    same: ['chip'],
    warnings: ['wifi'],
    awayMs: 60_000,
    run: async (context, saved) => {
      const http = await open(context);
      const last = saved.get(CONFIGURATION);
      for (const file of [...saved.files.filter((one) => one !== last), last]) {
        const { body, type } = multipart({}, [
          { field: 'data', filename: `/${file.name}`, bytes: await file.bytes(), type: 'application/json' },
        ]);
        const answer = await unlocked(http, () =>
          http.ask({ method: 'POST', path: '/upload', body, type, accept: [200, 500] }),
        );
        const said = await answer.text();
        if (answer.status !== 200) {
          throw new Problem('restore_refused', { params: { file: file.name, reason: said.slice(0, 100) } });
        }
      }
    },
  },
  discovery: {
    mdns: ['_wled._tcp'],
    integrations: ['wled'],
    port: 80,
    recognise: async (http) => {
      const found = await info(http);
      return found && (found.brand === 'WLED' || found.arch !== undefined) ? identity(found) : undefined;
    },
  },
});

function parse(name: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new Problem('artefact_wrong', { params: { file: name, reason: 'no JSON' } });
  }
}
