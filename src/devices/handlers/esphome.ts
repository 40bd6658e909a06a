import { posix } from 'node:path';
import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type SavedFile } from '../handler.ts';
import { looksLikePage } from '../http/client.ts';
import { withDeviceBuilder } from './esphome-builder.ts';
import { ESPHOME_PORT, type EsphomeDashboard } from './esphome-dashboard.ts';
import { withLegacyDashboard } from './esphome-legacy.ts';
import { isSecretInYaml, maskedYaml } from './yaml-text.ts';

const fields = {
  address: address(),
  user: text(),
  password: secret(),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** What `!secret` refers to (`SECRETS_FILES` of esphome/const.py). */
const SECRETS = ['secrets.yaml', 'secrets.yml'];

/** No home has more files. */
const MOST_FILES = 1_000;

/** A file that a person wrote, in the folder of the configurations or below: no hidden ones, and none elsewhere. */
const FILE = /^(?!\.)[^/\\]+(?:\/(?!\.)[^/\\]+)*\.ya?ml$/;

/** What a configuration includes: `!include x.yaml`, `!include {file: x.yaml, vars: …}`, and the same over several lines. */
const INCLUDE = /!include\s+(?:\{?\s*file:\s*)?["']?([^\s"'{},]+\.ya?ml)/g;

/** What the configuration of a device has, or gets by what it includes. */
const OF_DEVICES = ['esphome', 'packages', 'substitutions', '<<'];

const Settled = v.object({ version: v.pipe(v.string(), v.regex(/^20\d\d\.\d+/)) });

const isSecretFile = (name: string): boolean => SECRETS.includes(posix.basename(name));

/** Works with the dashboard that is there. */
async function withDashboard<Result>(
  context: Context,
  work: (dashboard: EsphomeDashboard) => Promise<Result>,
): Promise<Result> {
  let begun = false;
  try {
    return await withDeviceBuilder(context, (dashboard) => {
      begun = true;
      return work(dashboard);
    });
  } catch (error) {
    const other = isProblem(error, 'device_not_there') || isProblem(error, 'device_unexpected');
    if (begun || !other) throw error;
    return withLegacyDashboard(context, work);
  }
}

/** What a file includes, by the names that the dashboard knows. */
function includedIn(name: string, content: string): string[] {
  return [...content.matchAll(INCLUDE)]
    .map(([, path = '']) => posix.join(posix.dirname(name), path))
    .filter((path) => FILE.test(path) && !path.startsWith('../'));
}

/** All files: those of devices, what they include, and the secrets. */
async function everything(dashboard: EsphomeDashboard): Promise<FetchedFile[]> {
  const listed = (await dashboard.list()).filter((name) => FILE.test(name));
  if (listed.length === 0) throw new Problem('device_nothing', { params: { host: dashboard.host } });
  const waiting = [...listed.toSorted(), ...SECRETS];
  const seen = new Set(waiting);
  const files: { name: string; content: string }[] = [];
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const content = await dashboard.read(name);
    // what was deleted in this moment, is no longer included, or was never written
    if (content === undefined || content.trim() === '') continue;
    files.push({ name, content });
    for (const path of includedIn(name, content)) {
      if (seen.has(path)) continue;
      if (seen.size >= MOST_FILES) {
        throw new Problem('artefact_too_large', { params: { file: path, limit: `${MOST_FILES} files` } });
      }
      seen.add(path);
      waiting.push(path);
    }
  }
  return files;
}

/** What must be there before others can use it goes first. */
const rank = ({ name }: SavedFile): number => (name.includes('/') ? 0 : isSecretFile(name) ? 1 : 2);

/** The configurations of ESPHome, from either of its dashboards; tested on both. */
export const esphome = handler({
  kind: 'esphome',
  fields,
  extension: 'yaml',
  place: ({ address: where }) => where,
  test: (context) =>
    withDashboard(context, async (dashboard) => {
      await dashboard.list();
      return dashboard.identity;
    }),
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    yield* await withDashboard(context, everything);
  },
  validate: async (saved) => {
    let found = false;
    for (const file of saved.files) {
      const content = await file.text();
      if (content.includes('\0') || looksLikePage(content)) throw wrong(file.name, 'no YAML');
      found ||= !isSecretFile(file.name) && (await isOfDevice(content));
    }
    const [first] = saved.files;
    if (!found) throw wrong(first?.name ?? 'yaml', 'no configuration of a device');
  },
  normalise: (name, bytes) =>
    maskedYaml(bytes.toString('utf8'), isSecretFile(name) ? () => true : isSecretInYaml),
  restore: {
    same: [],
    warnings: ['install'],
    run: (context, saved) =>
      withDashboard(context, async (dashboard) => {
        for (const file of saved.files.toSorted((a, b) => rank(a) - rank(b))) {
          const content = await file.text();
          // what is written is built anew: only what is different
          if ((await dashboard.read(file.name)) !== content) await dashboard.write(file.name, content);
        }
      }),
    verify: (context, saved) =>
      withDashboard(context, async (dashboard) => {
        for (const file of saved.files) {
          if ((await dashboard.read(file.name)) !== (await file.text())) {
            throw new Problem('restore_different', { params: { file: file.name } });
          }
        }
      }),
  },
  discovery: {
    mdns: ['_esphomebuilder._tcp'],
    port: ESPHOME_PORT,
    recognise: async (http) => {
      const answer = await http.ask({ path: '/version', accept: [200, 302] });
      if (answer.status === 302) {
        await answer.drain();
        const page = await (await http.ask({ path: '/login' })).text();
        return page.includes('<title>Login - ESPHome</title>') ? { model: 'ESPHome Dashboard' } : undefined;
      }
      const said = v.safeParse(Settled, await answer.json());
      if (!said.success) return undefined;
      const model = /<title>(ESPHome Device Builder|Dashboard - ESPHome)<\/title>/.exec(
        await (await http.ask({ path: '/' })).text(),
      )?.[1];
      if (model === undefined) return undefined;
      const { version: firmware } = said.output;
      return { model: model.startsWith('Dashboard') ? 'ESPHome Dashboard' : model, firmware };
    },
  },
});

const wrong = (file: string, reason: string): Problem =>
  new Problem('artefact_wrong', { params: { file, reason } });

/** Whether a text is the configuration of a device. One that is being edited may be broken: it is kept as it is. */
async function isOfDevice(content: string): Promise<boolean> {
  const { parseDocument, isMap } = await import('yaml');
  // tags such as !secret and !lambda are those of ESPHome: unknown here, and no fault
  const document = parseDocument(content, { logLevel: 'silent', uniqueKeys: false });
  return (
    document.errors.length === 0 && isMap(document.contents) && OF_DEVICES.some((key) => document.has(key))
  );
}
