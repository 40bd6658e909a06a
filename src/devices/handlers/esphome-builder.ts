import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import { portUnlessSaid } from '../http/address.ts';
import { type JsonSocket, openJsonSocket } from '../http/websocket.ts';
import { ESPHOME_PORT, type EsphomeContext, type EsphomeDashboard } from './esphome-dashboard.ts';

/** What it says when the websocket opens (`ServerInfoMessage`, models/api.py of esphome-device-builder). */
const ServerInfo = v.object({
  esphome_version: v.string(),
  server_version: v.string(),
  friendly_name: v.optional(v.string(), ''),
  requires_auth: v.optional(v.boolean(), false),
});

/** An answer to a command; events that belong to none have neither. */
const Answer = v.object({
  message_id: v.string(),
  result: v.optional(v.unknown()),
  error_code: v.optional(v.string()),
  details: v.optional(v.string(), ''),
});
type Answer = v.InferOutput<typeof Answer>;

const Devices = v.object({ configured: v.array(v.object({ configuration: v.string() })) });

/** The longest part of its reason that is shown (signs). */
const REASON_LENGTH = 100;

/** Its commands, one after the other. */
class Commands {
  readonly #socket: JsonSocket;
  #number = 0;

  constructor(socket: JsonSocket) {
    this.#socket = socket;
  }

  get host(): string {
    return this.#socket.host;
  }

  async ask(command: string, args: object): Promise<Answer> {
    this.#number += 1;
    const number = String(this.#number);
    this.#socket.send({ command, message_id: number, args });
    for (;;) {
      const answer = v.safeParse(Answer, await this.#socket.next());
      // events of others come in between
      if (answer.success && answer.output.message_id === number) return answer.output;
    }
  }

  /** The result of a command. @throws Problem where it has none */
  async result<Schema extends v.GenericSchema>(
    command: string,
    args: object,
    schema: Schema,
  ): Promise<v.InferOutput<Schema>> {
    const answer = await this.ask(command, args);
    if (answer.error_code !== undefined) throw this.fault(answer);
    const parsed = v.safeParse(schema, answer.result);
    if (parsed.success) return parsed.output;
    const reason = `the answer to ${command}`;
    throw new Problem('device_unexpected', { params: { host: this.host, reason } });
  }

  fault({ error_code: code, details }: Answer): Problem {
    const { host } = this;
    if (code === 'not_authenticated') return new Problem('device_password', { params: { host } });
    if (code === 'rate_limited') return new Problem('device_locked', { params: { host } });
    return new Problem('device_failed', { params: { host, reason: details.slice(0, REASON_LENGTH) } });
  }
}

/** Signs in once, where it has to be; a token that was given lasts until it is taken back. */
async function signIn(commands: Commands, { settings }: EsphomeContext): Promise<void> {
  const { user: username, password } = settings;
  if (password === '') throw new Problem('device_password', { params: { host: commands.host } });
  await commands.result('auth/login', { username, password }, v.unknown());
}

/**
 * Works with the Device Builder, ESPHome's dashboard since 2026.6.
 * @throws Problem `device_not_there` where there is no websocket
 */
export async function withDeviceBuilder<Result>(
  context: EsphomeContext,
  work: (dashboard: EsphomeDashboard) => Promise<Result>,
): Promise<Result> {
  const { address } = context.settings;
  const options = { address, path: '/ws', ...portUnlessSaid(address, ESPHOME_PORT) };
  const socket = await openJsonSocket(options, context);
  try {
    const { host } = socket;
    const info = v.safeParse(ServerInfo, await socket.next());
    if (!info.success) {
      throw new Problem('device_other_kind', { params: { host, kind: 'ESPHome' } });
    }
    const commands = new Commands(socket);
    const { requires_auth: closed, esphome_version: firmware, friendly_name: name } = info.output;
    if (closed) await signIn(commands, context);
    const identity = { name: name || undefined, model: 'ESPHome Device Builder', firmware };
    try {
      return await work(dashboard(commands, identity));
    } finally {
      if (closed) await commands.ask('auth/logout', {}).catch(() => undefined);
    }
  } finally {
    await socket.close();
  }
}

function dashboard(commands: Commands, identity: EsphomeDashboard['identity']): EsphomeDashboard {
  return {
    host: commands.host,
    identity,
    list: async () => {
      const { configured } = await commands.result('devices/list', {}, Devices);
      return configured.map(({ configuration }) => configuration);
    },
    read: async (configuration) => {
      const answer = await commands.ask('devices/get_config', { configuration });
      if (answer.error_code === 'not_found') return undefined;
      if (answer.error_code !== undefined) throw commands.fault(answer);
      if (typeof answer.result === 'string') return answer.result;
      throw new Problem('device_unexpected', {
        params: { host: commands.host, reason: 'a file without text' },
      });
    },
    write: async (configuration, content) => {
      const answer = await commands.ask('devices/update_config', { configuration, content });
      if (answer.error_code === undefined) return;
      // of a folder that is not there it says no more than that it failed
      const missing = answer.error_code === 'internal_error' && configuration.includes('/');
      const reason = missing ? 'its folder may be missing there' : answer.details;
      throw new Problem('restore_refused', {
        params: { file: configuration, reason: reason.slice(0, REASON_LENGTH) },
      });
    },
  };
}
