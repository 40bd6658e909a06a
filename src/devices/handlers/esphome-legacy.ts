import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { portUnlessSaid } from '../http/address.ts';
import type { DeviceHttp } from '../http/client.ts';
import { ESPHOME_PORT, type EsphomeContext, type EsphomeDashboard } from './esphome-dashboard.ts';

const Devices = v.object({ configured: v.array(v.object({ configuration: v.string() })) });
const Version = v.object({ version: v.string() });

type Headers = Readonly<Record<string, string>>;

/** A file that somebody wrote is no larger (bytes). */
const FILE_LIMIT = 4 * 1024 * 1024;

/** Tornado compares a cookie with a header, and whoever asks chooses both (xsrf_cookies, version 1 of its tokens). */
function crossSite(cookie?: string): Headers {
  const token = randomBytes(16).toString('hex');
  return { cookie: `${cookie ? `${cookie}; ` : ''}_xsrf=${token}`, 'x-xsrftoken': token };
}

/** Whether it leads to its page for signing in (esphome/dashboard/web_server.py, `authenticated`). */
const leadsToLogin = (error: unknown): boolean =>
  isProblem(error, 'device_redirect') && /\/login$/.test(String(error.params.to));

/** Signs in once by its form: behind Home Assistant it takes no Basic. */
async function signIn(http: DeviceHttp, { settings }: EsphomeContext): Promise<Headers> {
  const { user: username, password } = settings;
  const { host } = http;
  if (password === '') throw new Problem('device_password', { params: { host } });
  const answer = await http.ask({
    method: 'POST',
    path: '/login',
    headers: crossSite(),
    type: 'application/x-www-form-urlencoded',
    body: String(new URLSearchParams({ username, password })),
    // anything but an error leads on to its first page
    accept: [302],
  });
  await answer.drain();
  const cookie = /\bauthenticated=[^;,]+/.exec(answer.header('set-cookie') ?? '')?.[0];
  if (cookie) return crossSite(cookie);
  throw new Problem('device_unexpected', { params: { host, reason: 'no cookie after the sign-in' } });
}

async function devices(http: DeviceHttp, headers: Headers): Promise<v.InferOutput<typeof Devices>> {
  const answer = await http.ask({ path: '/devices', headers });
  const parsed = v.safeParse(Devices, await answer.json().catch(() => undefined));
  if (parsed.success) return parsed.output;
  throw new Problem('device_other_kind', { params: { host: http.host, kind: 'ESPHome' } });
}

async function version(http: DeviceHttp, headers: Headers): Promise<string | undefined> {
  const answer = await http.ask({ path: '/version', headers, accept: [200, 404] });
  if (answer.status !== 200) return undefined;
  const parsed = v.safeParse(Version, await answer.json());
  return parsed.success ? parsed.output.version : undefined;
}

/** The path of a file there. */
const edit = (name: string): string => `/edit?${new URLSearchParams({ configuration: name })}`;

/** Works with the dashboard that ESPHome had up to 2026.9. @throws Problem `device_other_kind` where it is none */
export async function withLegacyDashboard<Result>(
  context: EsphomeContext,
  work: (dashboard: EsphomeDashboard) => Promise<Result>,
): Promise<Result> {
  const { address } = context.settings;
  const http = context.http({ address, ...portUnlessSaid(address, ESPHOME_PORT) });
  let headers: Headers = {};
  try {
    await devices(http, headers);
  } catch (error) {
    if (!leadsToLogin(error)) throw error;
    headers = await signIn(http, context);
  }
  return work({
    host: http.host,
    identity: { model: 'ESPHome Dashboard', firmware: await version(http, headers) },
    list: async () => (await devices(http, headers)).configured.map(({ configuration }) => configuration),
    read: async (name) => {
      const answer = await http.ask({ path: edit(name), headers, accept: [200, 404] });
      const content = await answer.text(FILE_LIMIT);
      return answer.status === 200 ? content : undefined;
    },
    write: async (name, content) => {
      const options = { path: edit(name), headers, body: content, type: 'text/plain' };
      const answer = await http.ask({ method: 'POST', ...options, accept: [200, 400, 403, 404, 500] });
      await answer.drain();
      if (answer.status === 200) return;
      const reason = `status ${answer.status}`;
      throw new Problem('restore_refused', { params: { file: name, reason } });
    },
  });
}
