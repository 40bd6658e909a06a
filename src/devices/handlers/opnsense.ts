import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, handler, type Identity } from '../handler.ts';
import { type DeviceHttp, looksLikePage } from '../http/client.ts';
import { checkConfig, comparableConfig, nameIn } from './opnsense-config.ts';

const fields = {
  address: address(),
  key: text({ required: true }),
  secret: secret({ required: true }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** The newest of what the firewall keeps of each change in `/conf/backup` (Core/Api/BackupController.php, since 24.1). */
const DOWNLOAD = '/api/core/backup/download/this';

/** Allowed with "Lobby: Dashboard" (Core/ACL/ACL.xml), and not needed for a backup. */
const INFORMATION = '/api/diagnostics/system/system_information';

/** `versions` begins with product, version and architecture: `OPNsense 26.1.2-amd64` (Diagnostics/Api/SystemController.php). */
const Information = v.object({ name: v.string(), versions: v.array(v.string()) });
const VERSION = /^(\S.*?) (\d\S*)-([a-z0-9_]+)$/;

/** Its own name has the moment in it, which would make every file another one. */
const CONFIG = 'config.xml';

/** Logs and leases are not in it: no configuration is larger (bytes). */
const CONFIG_LIMIT = 32 * 1024 * 1024;

/** What its web server calls itself (plugins.inc.d/webgui.inc). */
const SERVER = 'OPNsense';

function open({ settings, http }: Context): DeviceHttp {
  const credentials = { username: settings.key, password: settings.secret };
  return http({ address: settings.address, secure: true, credentials, basic: true });
}

/** Its newest configuration. Where none is kept, the answer is empty and has status 200. */
async function config(http: DeviceHttp): Promise<Buffer> {
  const bytes = await (await http.ask({ path: DOWNLOAD })).bytes(CONFIG_LIMIT);
  if (bytes.length === 0) throw new Problem('device_nothing', { params: { host: http.host } });
  return bytes;
}

async function information(http: DeviceHttp): Promise<Identity> {
  let document: unknown;
  try {
    document = await (await http.ask({ path: INFORMATION })).json();
  } catch (error) {
    // the user may have no more than one right, and the call is younger than the other
    const missing = ['device_forbidden', 'device_not_there', 'device_unexpected'] as const;
    if (missing.some((code) => isProblem(error, code))) return {};
    throw error;
  }
  const parsed = v.safeParse(Information, document);
  if (!parsed.success) return {};
  const [, model, firmware] = VERSION.exec(parsed.output.versions[0] ?? '') ?? [];
  return { name: parsed.output.name, model, firmware };
}

/** OPNsense, the firewall; tested against a simulator that opnsense-backup proves. */
export const opnsense = handler({
  kind: 'opnsense',
  fields,
  extension: 'xml',
  maxBytes: CONFIG_LIMIT,
  place: ({ address: where }) => where,
  test: async (context) => {
    const http = open(context);
    const content = (await config(http)).toString('utf8');
    const name = await nameIn(content);
    if (name === undefined) {
      const { host } = http;
      if (looksLikePage(content))
        throw new Problem('device_other_kind', { params: { host, kind: 'OPNsense' } });
      throw new Problem('device_unexpected', { params: { host, reason: 'no configuration' } });
    }
    return { name: name === '' ? undefined : name, model: 'OPNsense', ...(await information(http)) };
  },
  fetch: async function* (context) {
    yield { name: CONFIG, content: await config(open(context)) };
  },
  validate: async (saved) => checkConfig(CONFIG, await saved.get(CONFIG).text(CONFIG_LIMIT)),
  normalise: (_name, bytes) => comparableConfig(bytes.toString('utf8')),
  discovery: {
    integrations: ['opnsense'],
    // its web server leads on from there, and says who it is
    port: 80,
    recognise: async (http) => {
      const answer = await http.ask({ path: '/', accept: [200, 301, 302, 401, 403] });
      await answer.drain();
      return answer.header('server') === SERVER ? { model: SERVER } : undefined;
    },
  },
});
