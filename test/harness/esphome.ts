import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installed } from './cache.ts';
import { Dashboard } from './dashboard.ts';
import { quietPort } from './free-port.ts';

const builder = installed('esphome', 'ESPHOME_VERSION', 'bin/esphome-device-builder');
const legacy = installed('esphome', 'ESPHOME_LEGACY_VERSION', 'bin/esphome');

/** Are both there? Without pip they are not. */
export const haveEsphome = (): boolean => builder !== undefined && legacy !== undefined;

interface EsphomeOptions {
  /** The files that it begins with, by their names in its folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Who may sign in; anybody without. */
  readonly login?: { readonly user: string; readonly password: string };
}

/** Where its files are. */
export const esphomeFile = (dashboard: Dashboard, name: string): string =>
  join(dashboard.dir, 'configurations', name);

function prepare({ files }: EsphomeOptions): (dir: string) => void {
  return (dir) => {
    mkdirSync(join(dir, 'configurations'));
    for (const [name, content] of Object.entries(files)) {
      const path = join(dir, 'configurations', name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
  };
}

/** Starts the real Device Builder. */
export async function startDeviceBuilder(options: EsphomeOptions): Promise<Dashboard> {
  if (builder === undefined) throw new Error('ESPHome is missing: run script/bootstrap esphome');
  // another site of it, for computers that build for others, listens everywhere unless it is told not to
  const other = String(await quietPort());
  const { login } = options;
  return Dashboard.start({
    name: 'the Device Builder',
    command: builder,
    args: ({ dir, port }) => [
      join(dir, 'configurations'),
      ...['--host', '127.0.0.1', '--port', String(port)],
      ...['--remote-build-host', '127.0.0.1', '--remote-build-port', other],
    ],
    env: { ESPHOME_USERNAME: login?.user ?? '', ESPHOME_PASSWORD: login?.password ?? '' },
    ready: '/version',
    prepare: prepare(options),
  });
}

/** Starts the real dashboard that came before. */
export function startLegacyDashboard(options: EsphomeOptions): Promise<Dashboard> {
  if (legacy === undefined) throw new Error('ESPHome is missing: run script/bootstrap esphome');
  const { login } = options;
  return Dashboard.start({
    name: 'the dashboard of ESPHome',
    command: legacy,
    args: ({ dir, port }) => [
      ...['dashboard', join(dir, 'configurations')],
      ...['--address', '127.0.0.1', '--port', String(port)],
      ...(login ? ['--username', login.user, '--password', login.password] : []),
    ],
    env: { USERNAME: '', PASSWORD: '' },
    ready: '/version',
    prepare: prepare(options),
  });
}
