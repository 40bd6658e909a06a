import { isProblem, Problem } from '../../kernel/errors.ts';
import { address, number, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, handler, type Identity } from '../handler.ts';
import { type Address, parseAddress } from '../http/address.ts';
import type { DeviceHttp } from '../http/client.ts';
import { checkExport, comparableExport } from './fritzbox-export.ts';
import { described, deviceInfo, exportAddress } from './fritzbox-tr064.ts';
import { boxInfo, type WebSession, withWebSession } from './fritzbox-web.ts';

const fields = {
  address: address({ default: 'fritz.box' }),
  user: text({ required: true }),
  password: secret({ required: true }),
  export_password: secret({ required: true }),
  totp_secret: secret({ advanced: true }),
  web_port: number({ default: 0, least: 0, most: 65_535, advanced: true }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** Where TR-064 listens (AVM, TR-064 First Steps, section 3.1). */
const TR064_PORT = 49_000;
const TR064_SECURE_PORT = 49_443;

/** Writing an export takes a slow box longer than its other answers (milliseconds). */
const IDLE_MS = 45_000;

/** The one file; a box gives it a name with a date in it. */
const EXPORT = 'fritzbox.export';

/** Where the box is; TLS unless its address says otherwise. */
function where({ settings: { address: typed } }: Context): Address {
  const parsed = parseAddress(typed);
  if (!parsed) throw new Problem('invalid_request', { params: { detail: 'address: no address' } });
  return parsed.explicit ? parsed : { ...parsed, secure: true };
}

/** Another port of the same box. */
function at({ host }: Address, secure: boolean, port: number | string): string {
  const written = host.includes(':') ? `[${host}]` : host;
  return `${secure ? 'https' : 'http'}://${written}${port === '' || port === 0 ? '' : `:${port}`}`;
}

function credentials({ settings: { user, password } }: Context) {
  return { username: user, password };
}

function tr064(context: Context): DeviceHttp {
  const { secure } = where(context);
  return context.http({
    address: context.settings.address,
    secure,
    port: secure ? TR064_SECURE_PORT : TR064_PORT,
    credentials: credentials(context),
    idleMs: IDLE_MS,
  });
}

/**
 * What TR-064 comes to. Undefined where it is off or too old, or where an app has to confirm, which TR-064 has no
 * action for: then the pages do it. A wrong password is not tried there once more.
 */
async function byTr064<Result>(
  context: Context,
  work: (http: DeviceHttp) => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work(tr064(context));
  } catch (error) {
    const off = isProblem(error, 'device_refused') || isProblem(error, 'device_not_there');
    const byApp = isProblem(error, 'device_second_factor') && context.settings.totp_secret !== '';
    if (off || byApp) return undefined;
    throw error;
  }
}

function pages(context: Context): DeviceHttp {
  const box = where(context);
  return context.http({ address: at(box, box.secure, context.settings.web_port), idleMs: IDLE_MS });
}

function byPages<Result>(context: Context, work: (session: WebSession) => Promise<Result>): Promise<Result> {
  const { clock, signal, settings } = context;
  const { user, password, totp_secret: totpSecret } = settings;
  return withWebSession(pages(context), { user, password, totpSecret, clock, signal }, work);
}

/**
 * The export that lies at an address which the box named. Only its path and its port are used: old firmware writes
 * 127.0.0.1 there, and the password is sent to nobody else.
 */
async function download(context: Context, named: string) {
  const http = tr064(context);
  const box = where(context);
  const url = URL.parse(named, http.origin);
  const reason = 'no address of the export';
  const unsafe = url?.protocol !== 'https:' && (url?.protocol !== 'http:' || box.secure);
  if (named === '' || !url || unsafe)
    throw new Problem('device_unexpected', { params: { host: http.host, reason } });
  const there = at(box, url.protocol === 'https:', url.port);
  return context
    .http({ address: there, credentials: credentials(context) })
    .ask({ path: `${url.pathname}${url.search}` });
}

/** FRITZ!Box and other devices with FRITZ!OS; tested against a simulator that the client fritzconnection proves. */
export const fritzbox = handler({
  kind: 'fritzbox',
  fields,
  extension: 'export',
  place: ({ address: typed }) => typed,
  test: async (context) => {
    let found: Identity = {};
    const done = await byTr064(context, async (http) => {
      found = await deviceInfo(http);
      // the same right and the same confirmation as for a backup; an export that nobody fetches is gone after seconds
      await exportAddress(http, context.settings.export_password);
      return true;
    });
    if (done) return found;
    await byPages(context, (session) => session.ready());
    return { ...(await boxInfo(pages(context))), ...found };
  },
  // an export that is made to be tried is one too many each time
  identify: async (context) => (await byTr064(context, deviceInfo)) ?? (await boxInfo(pages(context))) ?? {},
  fetch: async function* (context) {
    const { export_password: password } = context.settings;
    const named = await byTr064(context, (http) => exportAddress(http, password));
    if (named === undefined) {
      yield { name: EXPORT, content: await byPages(context, (session) => session.exported(password)) };
    } else yield { name: EXPORT, content: (await download(context, named)).body };
  },
  validate: async (saved) => checkExport(EXPORT, await saved.get(EXPORT).bytes()),
  normalise: (_name, bytes) => comparableExport(bytes),
  discovery: {
    integrations: ['fritz', 'fritzbox'],
    port: TR064_PORT,
    recognise: async (http) => {
      try {
        return await described(http);
      } catch (error) {
        // TR-064 is off, or the address names the port of the pages
        if (!isProblem(error, 'device_not_there')) throw error;
        return boxInfo(http);
      }
    },
  },
});
