import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { installed } from './cache.ts';
import { Dashboard } from './dashboard.ts';
import { temporaryFolder } from './temporary.ts';

const program = installed('octoprint', 'OCTOPRINT_VERSION', 'bin/octoprint');

/** Is it there? Without pip it is not. */
export const haveOctoPrint = (): boolean => program !== undefined;

/** Keys of its users. */
export const OCTOPRINT_KEYS = {
  admin: 'ADMIN0123456789ABCDEF0123456789A',
  resident: 'USERS0123456789ABCDEF0123456789A',
} as const;

/** In its configuration, and in no diff. */
export const OCTOPRINT_SECRET = 'of-the-sessions-0123456789';

function user(name: keyof typeof OCTOPRINT_KEYS, group: string): string {
  return [
    `${name}:`,
    '  active: true',
    `  apikey: ${OCTOPRINT_KEYS[name]}`,
    `  groups: [${group}]`,
    '  password: $argon2id$v=19$m=65536,t=3,p=4$AAAAAAAAAAAAAAAAAAAAAA$AAAA',
    '  permissions: []',
    '  roles: [user]',
    '  settings: {}',
    '',
  ].join('\n');
}

const CONFIGURATION = `appearance:
  name: Printer in the cellar
accessControl:
  salt: of-the-passwords
plugins:
  _disabled: [announcements, softwareupdate, pluginmanager, tracking, errortracking, health_check, achievements]
  discovery:
    upnpUuid: 11111111-2222-3333-4444-555555555555
server:
  firstRun: false
  onlineCheck:
    enabled: false
  secretKey: ${OCTOPRINT_SECRET}
`;

/** Starts a real OctoPrint with two users; its folder is `dir/basedir`. */
export function startOctoPrint(): Promise<Dashboard> {
  if (program === undefined) throw new Error('OctoPrint is missing: run script/bootstrap octoprint');
  return Dashboard.start({
    name: 'OctoPrint',
    command: program,
    // it refuses to be root unless it is told
    args: ({ dir, port }) => [
      ...['--basedir', join(dir, 'basedir'), 'serve', '--iknowwhatimdoing'],
      ...['--host', '127.0.0.1', '--port', String(port)],
    ],
    ready: '/api/version',
    prepare: (dir) => {
      mkdirSync(join(dir, 'basedir'));
      writeFileSync(join(dir, 'basedir/config.yaml'), CONFIGURATION);
      writeFileSync(
        join(dir, 'basedir/users.yaml'),
        `_version: 2\n${user('admin', 'admins')}${user('resident', 'users')}`,
      );
    },
  });
}

/** Restores a backup as OctoPrint's own command does, into a new folder, and returns that and what the command said. */
export async function restoreOctoPrint(backup: string): Promise<{ basedir: string; said: string }> {
  if (program === undefined) throw new Error('OctoPrint is missing: run script/bootstrap octoprint');
  const basedir = temporaryFolder('octoprint');
  const { stdout } = await promisify(execFile)(program, [
    ...['--basedir', basedir, 'plugins', 'backup:restore', backup],
  ]);
  return { basedir, said: stdout };
}
