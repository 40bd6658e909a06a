import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installed } from './cache.ts';
import { Dashboard } from './dashboard.ts';

/** Of the users of a Node-RED with users. */
export const NODE_RED_PASSWORD = 'correct horse';

// bcrypt of it with four rounds, so that signing in costs nothing
const HASH = '$2b$04$iF/P.L7JQv/rVgGQO/vWNu9wn9YHwG18aJ4sGx3xF4exeXcDRLcNy';

const program = installed('node-red', 'NODE_RED_VERSION', 'node_modules/node-red/red.js');

/** Is it there? Without npm it is not. */
export const haveNodeRed = (): boolean => program !== undefined;

interface NodeRedOptions {
  /** Where its editor is; the root unless given. */
  readonly root?: string;
  /** The users `admin`, who may do everything, and others with what they may do. */
  readonly users?: Readonly<Record<string, string | readonly string[]>>;
  /** What whoever does not sign in may do. */
  readonly anybody?: string;
  /** People sign in by another service. */
  readonly strategy?: true;
  /** The flows it begins with. */
  readonly flows?: readonly object[];
}

function authentication({ users, anybody, strategy }: NodeRedOptions): string {
  if (strategy) {
    // all that its page of settings asks of a strategy before somebody signs in
    const none = 'class extends require("events") { constructor() { super(); this.name = "x"; } }';
    return `adminAuth: { type: 'strategy', strategy: { name: 'x', label: 'X', strategy: ${none}, options: {} }, users: [] },`;
  }
  if (!users) return '';
  const list = Object.entries(users).map(([username, permissions]) => ({
    username,
    permissions,
    password: HASH,
  }));
  const others = anybody === undefined ? '' : `, default: { permissions: ${JSON.stringify(anybody)} }`;
  return `adminAuth: { type: 'credentials', users: ${JSON.stringify(list)}${others} },`;
}

/** Starts a real Node-RED. Its log tells of each attempt to sign in. */
export function startNodeRed(options: NodeRedOptions = {}): Promise<Dashboard> {
  if (program === undefined) throw new Error('Node-RED is missing: run script/bootstrap node-red');
  const { root = '/', flows } = options;
  return Dashboard.start({
    name: 'Node-RED',
    command: process.execPath,
    args: ({ dir, port }) => [program, '--settings', join(dir, 'settings.js'), '--port', String(port)],
    ready: root,
    prepare: (dir) => {
      if (flows) writeFileSync(join(dir, 'flows.json'), JSON.stringify(flows));
      writeFileSync(
        join(dir, 'settings.js'),
        `module.exports = {
          uiHost: '127.0.0.1', userDir: ${JSON.stringify(dir)}, flowFile: 'flows.json', credentialSecret: 'of the tests',
          httpAdminRoot: ${JSON.stringify(root)}, telemetry: { enabled: false },
          ${authentication(options)}
          logging: { console: { level: 'info', audit: true } },
        };`,
      );
    },
  });
}
