import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret } from '../fields.ts';
import { type DeviceContext, handler, type Identity, type SavedFiles } from '../handler.ts';
import { parseAddress } from '../http/address.ts';
import { type DeviceHttp, type HttpAnswer, looksLikePage } from '../http/client.ts';
import { multipart } from '../http/multipart.ts';
import { type Dump, readDump } from './tasmota-dmp.ts';
import { comparableDump } from './tasmota-settings.ts';

const fields = {
  address: address(),
  password: secret(),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** The only user that there is (my_user_config.h, WEB_USERNAME). */
const USER = 'admin';

/** What `Status 0` says (support_command.ino, CmndStatus); only what is used here. A part may be lost from a short log. */
const Status = v.object({
  Status: v.optional(
    v.object({
      DeviceName: v.optional(v.string()),
      FriendlyName: v.optional(v.union([v.string(), v.array(v.string())])),
    }),
  ),
  StatusFWR: v.optional(v.object({ Version: v.optional(v.string()) })),
  StatusNET: v.optional(v.object({ Hostname: v.optional(v.string()), Mac: v.optional(v.string()) })),
});
type Status = v.InferOutput<typeof Status>;

/** Which command gives a part of it alone. */
const PARTS = [
  ['Status', 'Status'],
  ['StatusFWR', 'Status 2'],
  ['StatusNET', 'Status 5'],
] as const;

/** `Module` says `{"Module":{"1":"Sonoff Basic"}}`, and the name of the template where there is one. */
const Module = v.object({ Module: v.record(v.string(), v.string()) });

/** What commands are answered with that came without the password, before 12 with status 200. */
const Refusal = v.object({ WARNING: v.pipe(v.string(), v.startsWith('Need user')) });

/** All pages and answers of Tasmota say who they are from (xdrv_01_9_webserver.ino, WSHeaderSend). */
const SERVER = /^Tasmota\/([\d.]+)/;

/** Its own name has a date or a version in it, which would make every file another one. */
const DUMP = 'config.dmp';

/** More of it is a page, and no configuration of 4 KiB with some files of drivers (bytes). */
const DUMP_LIMIT = 128 * 1024;

/** Enough of its words to know why. */
const REASON_LENGTH = 100;

/**
 * Requests have to come from its own pages (SetOption128): it looks whether its address or its name stands in the referrer,
 * and otherwise does not answer at all. The name that a person uses need not be its own.
 */
async function ownPage(typed: string, http: DeviceHttp): Promise<Readonly<Record<string, string>>> {
  const host = parseAddress(typed)?.host ?? '';
  const found = isIP(host) === 0 ? await lookup(host, { family: 4 }).catch(() => undefined) : undefined;
  const origin = found ? `http://${found.address}` : http.origin;
  return { referer: `${origin}/`, origin };
}

/** Wants the password with the first request already: a wrong one is sent once only. */
async function open({ settings, http }: Context): Promise<DeviceHttp> {
  const { address: where, password } = settings;
  const credentials = password === '' ? undefined : { username: USER, password };
  const headers = await ownPage(where, http({ address: where }));
  return http({ address: where, headers, credentials, basic: true });
}

/** The answer to a command; undefined where it is none of Tasmota. */
async function command(http: DeviceHttp, words: string): Promise<unknown> {
  const answer = await http.ask({ path: `/cm?cmnd=${encodeURIComponent(words)}`, accept: [200, 404] });
  const content = await answer.text();
  if (answer.status !== 200) return undefined;
  // all pages are the first one where the administration is switched off ("WebServer 1")
  if (looksLikePage(content) && SERVER.test(answer.header('server') ?? '')) {
    throw new Problem('device_forbidden', { params: { host: http.host } });
  }
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson()), content);
  if (!parsed.success) return undefined;
  if (v.is(Refusal, parsed.output)) throw new Problem('device_password', { params: { host: http.host } });
  return parsed.output;
}

function statusOf(document: unknown): Status | undefined {
  const parsed = v.safeParse(Status, document);
  const known = parsed.success && PARTS.some(([part]) => parsed.output[part] !== undefined);
  return known ? parsed.output : undefined;
}

function identity({ Status: about, StatusFWR: firmware, StatusNET: net }: Status): Identity {
  const friendly = [about?.FriendlyName ?? []].flat()[0];
  return {
    id: net?.Mac?.toLowerCase().replaceAll(':', ''),
    name: about?.DeviceName || friendly || net?.Hostname,
    // `15.1.0(release-tasmota)`
    firmware: firmware?.Version?.replace(/\(.*$/, ''),
  };
}

async function status(http: DeviceHttp): Promise<Identity> {
  let found = statusOf(await command(http, 'Status 0'));
  if (!found) throw new Problem('device_other_kind', { params: { host: http.host, kind: 'Tasmota' } });
  for (const [part, words] of PARTS) {
    if (found[part] === undefined) found = { ...statusOf(await command(http, words)), ...found };
  }
  return identity(found);
}

async function model(http: DeviceHttp): Promise<string | undefined> {
  const parsed = v.safeParse(Module, await command(http, 'Module'));
  return parsed.success ? Object.values(parsed.output.Module)[0] : undefined;
}

/** Asks for the configuration. The first page comes instead where the administration is switched off. */
async function ask(http: DeviceHttp): Promise<HttpAnswer> {
  const answer = await http.ask({ path: '/dl' });
  if (answer.header('content-type')?.startsWith('text/html') && SERVER.test(answer.header('server') ?? '')) {
    await answer.drain();
    throw new Problem('device_forbidden', { params: { host: http.host } });
  }
  return answer;
}

const current = async (http: DeviceHttp): Promise<Dump> =>
  readDump(DUMP, await (await ask(http)).bytes(DUMP_LIMIT));

const dumpOf = async (saved: SavedFiles): Promise<Dump> => readDump(DUMP, await saved.get(DUMP).bytes());

/**
 * Both answers have status 200, and are in the language of the device: "Upload Successful", then a section that says that it
 * restarts; or "Upload Failed", then the reason in plain words (HandleUploadDone).
 */
const UPLOADED = /<font color='#[0-9a-f]{6}'>[^<]*<\/font><\/b>(?:<br\s*\/?>)+(<div|[^<]*)/i;

/** Tasmota, the firmware of plugs, lamps and switches; tested against a simulator that decode-config proves. */
export const tasmota = handler({
  kind: 'tasmota',
  fields,
  extension: 'dmp',
  maxBytes: DUMP_LIMIT,
  place: ({ address: where }) => where,
  test: async (context) => {
    const http = await open(context);
    const found = await status(http);
    // which chip it is says the layout of its settings, and nothing else so surely
    const { chip } = await current(http);
    return { ...found, model: await model(http), chip };
  },
  fetch: async function* (context) {
    yield { name: DUMP, content: (await ask(await open(context))).body };
  },
  validate: async (saved) => {
    await dumpOf(saved);
  },
  normalise: (name, bytes) => {
    try {
      return comparableDump(readDump(name, bytes));
    } catch {
      return undefined;
    }
  },
  restore: {
    same: ['chip'],
    warnings: ['wifi'],
    awayMs: 90_000,
    run: async (context, saved) => {
      const { chip } = await dumpOf(saved);
      const http = await open(context);
      const { chip: now } = await current(http);
      if (chip !== now) throw new Problem('restore_other_chip', { params: { saved: chip, now } });
      const bytes = await saved.get(DUMP).bytes();
      // what comes next is settings, and no firmware, only after this page
      await (await http.ask({ path: '/rs' })).drain();
      const { body, type } = multipart({}, [{ field: 'u2', filename: DUMP, bytes }]);
      const answer = await http.ask({ method: 'POST', path: `/u2?fsz=${bytes.length}`, body, type });
      const [, then] = UPLOADED.exec(await answer.text()) ?? [];
      if (then === '<div') return;
      const reason = then?.trim().slice(0, REASON_LENGTH) || 'no answer to the upload';
      throw new Problem('restore_refused', { params: { file: DUMP, reason } });
    },
    verify: async (context, saved) => {
      const now = await current(await open(context));
      if (!sameSettings(await dumpOf(saved), now)) {
        throw new Problem('restore_different', { params: { file: DUMP } });
      }
    },
  },
  discovery: {
    integrations: ['tasmota'],
    port: 80,
    recognise: async (http) => {
      const headers = { referer: `${http.origin}/`, origin: http.origin };
      const answer = await http.ask({ path: '/cm?cmnd=Status%200', headers, accept: [200, 401, 404] });
      const server = SERVER.exec(answer.header('server') ?? '');
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson()), await answer.text());
      const found = parsed.success ? statusOf(parsed.output) : undefined;
      if (found) return identity(found);
      if (server) return { firmware: server[1] };
      return parsed.success && v.is(Refusal, parsed.output) ? {} : undefined;
    },
  },
});

/** A newer firmware brings older settings and options up to its own version; then texts, rules and the module are compared. */
function sameSettings(saved: Dump, now: Dump): boolean {
  if (saved.version === now.version) return comparableDump(saved) === comparableDump(now);
  const named = (dump: Dump) =>
    new Map(
      comparableDump(dump)
        .split('\n')
        .filter((line) => /^(?!Version|SetOption|0x)\w+: /.test(line))
        .map((line) => [line.slice(0, line.indexOf(':')), line]),
    );
  const fresh = named(now);
  return [...named(saved)].every(([name, line]) => fresh.get(name) === line);
}
