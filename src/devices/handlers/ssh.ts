import { Problem } from '../../kernel/errors.ts';
import { choice, type SettingsOf, text } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type Identity } from '../handler.ts';
import { sshFields } from '../ssh/account.ts';
import { SshConnection } from '../ssh/connection.ts';
import { checkArchive, comparableFile } from './plain.ts';
import { formatOf, SSH_FORMATS } from './ssh-formats.ts';
import { type SshTemplate, templateOf } from './ssh-templates.ts';

const fields = {
  ...sshFields,
  template: choice(['mikrotik', 'openwrt', 'pfsense', 'proxmox', 'vyos', 'custom']),
  command: text({ when: { field: 'template', is: ['custom'] } }),
  file_name: text({ advanced: true }),
};
type Settings = SettingsOf<typeof fields>;
type Context = DeviceContext<Settings>;

/** The name of what a command of one's own writes. */
const OUTPUT = 'output.txt';

/** An answer that is longer is a configuration, and no complaint about a command (bytes). */
const COMPLAINT_BYTES = 1_024;

/** So much of a command tells it from others, and fits into a sentence (characters). */
const SHOWN_COMMAND = 80;

const nameOf = ({ file_name, template }: Settings): string =>
  file_name || (templateOf(template)?.file ?? OUTPUT);

async function identify(
  connection: SshConnection,
  { system, identify: how, format }: SshTemplate,
): Promise<Identity> {
  if (!how) return {};
  const said: string[] = [];
  for (const command of how.commands) {
    const { stdout } = await connection.ask(command).catch((error: unknown) => {
      // a key that may run one command only gives the configuration whatever it is asked
      if (error instanceof Problem && error.code === 'device_unexpected') return { stdout: '' };
      throw error;
    });
    said.push(stdout.replace(/\r\n?/g, '\n'));
    if (SSH_FORMATS[format].recognises(Buffer.from(stdout))) return {};
  }
  const found = how.read(said);
  if (found) return found;
  throw new Problem('device_other_kind', { params: { host: connection.host, kind: system } });
}

/** What a command writes; undefined where it is not understood by this version. */
async function understood(
  output: AsyncGenerator<Uint8Array>,
  unknown: RegExp | undefined,
): Promise<AsyncGenerator<Uint8Array> | undefined> {
  const first: Uint8Array[] = [];
  let size = 0;
  let over = false;
  while (!over && size <= COMPLAINT_BYTES) {
    const { value, done } = await output.next();
    if (done) over = true;
    else {
      first.push(value);
      size += value.length;
    }
  }
  if (over && size <= COMPLAINT_BYTES && unknown?.test(Buffer.concat(first).toString('utf8')))
    return undefined;
  return (async function* () {
    yield* first;
    if (!over) yield* output;
  })();
}

async function* output(connection: SshConnection, settings: Settings): AsyncGenerator<Uint8Array> {
  const template = templateOf(settings.template);
  if (!template) {
    yield* connection.run(settings.command);
    return;
  }
  for (const [index, command] of template.commands.entries()) {
    const last = index === template.commands.length - 1;
    const written = await understood(connection.run(command), last ? undefined : template.unknown);
    if (!written) continue;
    yield* written;
    return;
  }
}

/** @throws Problem `invalid_request` where it is not said what to run */
function checkSettings({ template, command }: Settings): void {
  if (template === 'custom' && command === '') {
    throw new Problem('invalid_request', { params: { detail: 'command: something' } });
  }
}

function open({ settings, trust, signal }: Context): Promise<SshConnection> {
  checkSettings(settings);
  return SshConnection.open(settings, { trust, signal });
}

/** What a command writes over SSH: routers, firewalls, and any other box; tested with OpenSSH. */
export const ssh = handler({
  kind: 'ssh',
  fields,
  extension: 'txt',
  // several commands of one machine may be devices of their own
  place: ({ address, user, template, command }) =>
    `${user}@${address}${template === 'custom' ? ` ${command.slice(0, SHOWN_COMMAND)}` : ''}`,
  test: async (context) => {
    const connection = await open(context);
    try {
      const template = templateOf(context.settings.template);
      return template ? await identify(connection, template) : {};
    } finally {
      connection.end();
    }
  },
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const connection = await open(context);
    try {
      yield { name: nameOf(context.settings), content: output(connection, context.settings) };
    } finally {
      connection.end();
    }
  },
  validate: async (saved, settings) => {
    const file = saved.get(nameOf(settings));
    const template = templateOf(settings.template);
    if (template) await SSH_FORMATS[template.format].check(file);
    else await checkArchive(file);
  },
  normalise: (_name, bytes) => {
    const format = formatOf(bytes);
    return format
      ? Promise.resolve(format.comparable(bytes)).catch(() => comparableFile(bytes))
      : comparableFile(bytes);
  },
});
