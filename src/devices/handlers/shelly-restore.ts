import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { FILES, methodsOf, readState, type Script, type ShellyState } from './shelly-gen2.ts';
import type { ShellyRpc } from './shelly-rpc.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * Never written: what connects the device. Their passwords are not given out, and with a wrong one it is lost.
 * Scripts have calls of their own.
 */
const CONNECTIONS = /^(wifi|eth|ble|cloud|ws|mqtt|matter|zigbee|zwave|knx|modem|script(:\d+)?)$/;

/** What people add themselves (`Virtual.Add`); others are added by pairing a device. */
const VIRTUAL = /^(boolean|number|text|enum|button|group|object):/;

/** Members that a device gives itself, besides the `id` that stands in the key. */
const OWN = /^(id|cfg_rev|device\.(mac|fw_id|profile))$/;

/** Members with a content of any shape, which are written as a whole. */
const FREE = /^(ui_data|meta)$/;

/** The documentation tells to upload code in pieces of this size (bytes). */
const PIECE_BYTES = 1024;

const Anything = v.unknown();
const Done = v.nullish(v.looseObject({ restart_required: v.optional(v.boolean()) }));

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * The members of a saved configuration that are others now; undefined where all are the same. What only one of both firmware
 * versions knows does not count: a device refuses what it does not know.
 */
function different(saved: Json, now: Json, path = ''): Json | undefined {
  const members = Object.entries(saved).flatMap(([name, value]): [string, unknown][] => {
    const other = now[name];
    const unknown = OWN.test(`${path}${name}`) || !Object.hasOwn(now, name);
    if (unknown || isDeepStrictEqual(value, other)) return [];
    if (!isObject(value) || !isObject(other) || FREE.test(name)) return [[name, value]];
    const within = different(value, other, `${path}${name}.`);
    return within ? [[name, within]] : [];
  });
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

/** The configurations that are written, by key. */
const written = (state: ShellyState): [string, Json][] =>
  Object.entries(state.config).filter(
    (entry): entry is [string, Json] => !CONNECTIONS.test(entry[0]) && isObject(entry[1]),
  );

/** Writes a saved state onto a device. Only what is different is written. */
export class ShellyRestore {
  readonly #rpc: ShellyRpc;
  readonly #saved: ShellyState;
  readonly #now: ShellyState;
  readonly #methods: readonly string[];
  #restart = false;

  private constructor(rpc: ShellyRpc, saved: ShellyState, now: ShellyState, methods: readonly string[]) {
    this.#rpc = rpc;
    this.#saved = saved;
    this.#now = now;
    this.#methods = methods;
  }

  /** @throws Problem `restore_refused` with the file and the words of the device */
  static async run(rpc: ShellyRpc, saved: ShellyState): Promise<void> {
    const restore = new ShellyRestore(rpc, saved, await readState(rpc), await methodsOf(rpc));
    await restore.#run();
  }

  async #run(): Promise<void> {
    const { profile } = this.#saved.config.sys.device;
    if (!isDeepStrictEqual(profile, this.#now.config.sys.device.profile)) {
      throw refused(FILES.config, `the device is not set to the profile "${String(profile)}"`);
    }
    // scripts, schedules and webhooks speak of components and values
    await this.#part(FILES.components, () => this.#components());
    await this.#part(FILES.config, () => this.#config());
    await this.#part(FILES.kvs, () => this.#kvs());
    const begun = await this.#part(FILES.scripts, () => this.#scripts());
    await this.#part(FILES.schedules, () =>
      this.#list('Schedule', this.#saved.schedules, this.#now.schedules),
    );
    await this.#part(FILES.webhooks, () => this.#list('Webhook', this.#saved.webhooks, this.#now.webhooks));
    if (this.#restart) await this.#rpc.call('Shelly.Reboot', Anything);
    else for (const { id } of begun) await this.#part(FILES.scripts, () => this.#do('Script.Start', { id }));
  }

  async #part<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!isProblem(error, 'device_failed')) throw error;
      throw refused(file, String(error.params.reason));
    }
  }

  #do(method: string, params?: object): Promise<unknown> {
    return this.#rpc.call(method, Anything, params);
  }

  /** `switch:0` by `Switch.SetConfig`; how a name is spelt says the list of methods. */
  async #set(key: string, config: Json): Promise<void> {
    const [type = '', id] = key.split(':');
    const method = this.#methods.find((one) => one.toLowerCase() === `${type.toLowerCase()}.setconfig`);
    if (!method) throw refused(FILES.config, `${key} cannot be set`);
    const params = { ...(id !== undefined && { id: Number(id) }), config };
    const done = await this.#rpc.call(method, Done, params);
    if (done?.restart_required) this.#restart = true;
  }

  async #config(): Promise<void> {
    for (const [key, config] of written(this.#saved)) {
      const now = this.#now.config[key];
      // an add-on that is not plugged in any more
      const change = isObject(now) ? different(config, now) : undefined;
      if (change) await this.#set(key, change);
    }
  }

  async #components(): Promise<void> {
    const { components: saved } = this.#saved;
    const { components: now } = this.#now;
    if (!saved || !now) return;
    for (const key of Object.keys(now)) {
      if (VIRTUAL.test(key) && !(key in saved)) await this.#do('Virtual.Delete', { key });
    }
    for (const [key, { config }] of Object.entries(saved)) {
      const [type, id] = key.split(':');
      const own = { id: undefined };
      const existing = now[key];
      if (existing) {
        const change = different(config, existing.config);
        if (change) await this.#set(key, change);
      } else if (VIRTUAL.test(key)) {
        await this.#do('Virtual.Add', { type, id: Number(id), config: { ...config, ...own } });
      }
    }
    for (const [key, { value }] of Object.entries(saved)) {
      if (value === undefined || isDeepStrictEqual(value, now[key]?.value)) continue;
      await this.#do('Group.Set', { id: Number(key.split(':')[1]), value });
    }
  }

  async #kvs(): Promise<void> {
    const { kvs: saved } = this.#saved;
    const { kvs: now } = this.#now;
    if (!saved || !now) return;
    for (const key of Object.keys(now)) if (!Object.hasOwn(saved, key)) await this.#do('KVS.Delete', { key });
    for (const [key, value] of Object.entries(saved)) {
      if (!Object.hasOwn(now, key) || !isDeepStrictEqual(value, now[key])) {
        await this.#do('KVS.Set', { key, value });
      }
    }
  }

  /** Returns the scripts that were written and run when the device starts. */
  async #scripts(): Promise<readonly Script[]> {
    const { scripts: saved } = this.#saved;
    const { scripts: now } = this.#now;
    if (!saved || !now) return [];
    const changed = saved.filter((script) => !now.some((other) => isDeepStrictEqual(script, other)));
    for (const { id } of now) {
      const kept = saved.find((script) => script.id === id);
      // one that runs takes no other code
      if (!kept || changed.includes(kept)) await this.#do('Script.Stop', { id });
      if (!kept) await this.#do('Script.Delete', { id });
    }
    const fillers: number[] = [];
    for (const script of changed) {
      if (!now.some(({ id }) => id === script.id)) fillers.push(...(await this.#create(script)));
      await this.#code(script);
    }
    for (const id of fillers) await this.#do('Script.Delete', { id });
    return changed.filter(({ enable }) => enable);
  }

  /** Makes a script with this number: schedules call it by that. The lowest that is free is given, so what is below is filled. */
  async #create({ id: wanted, name }: Script): Promise<number[]> {
    const fillers: number[] = [];
    for (;;) {
      const { id } = await this.#rpc.call('Script.Create', v.object({ id: v.number() }), { name });
      if (id === wanted) return fillers;
      fillers.push(id);
      if (id > wanted) throw refused(FILES.scripts, `script ${wanted} became ${id}`);
    }
  }

  async #code({ id, name, enable, code }: Script): Promise<void> {
    let append = false;
    for (const piece of piecesOf(code.toString('utf8'))) {
      await this.#do('Script.PutCode', { id, code: piece, append });
      append = true;
    }
    await this.#do('Script.SetConfig', { id, config: { name, enable } });
  }

  async #list(
    service: 'Schedule' | 'Webhook',
    saved: readonly Json[] | undefined,
    now: readonly Json[] | undefined,
  ): Promise<void> {
    if (!saved || !now || isDeepStrictEqual(saved.map(told), now.map(told))) return;
    await this.#do(`${service}.DeleteAll`);
    for (const item of saved) await this.#do(`${service}.Create`, told(item));
  }
}

/** What is said of a schedule or a webhook: null is the same as nothing. */
const told = (item: Json): Json =>
  Object.fromEntries(Object.entries(item).filter(([, value]) => value !== null));

/** Pieces that are not longer than a call takes; no character is cut. At least one. */
function piecesOf(code: string): string[] {
  const pieces = [''];
  let size = 0;
  for (const character of code) {
    const bytes = Buffer.byteLength(character);
    if (size + bytes > PIECE_BYTES) {
      pieces.push('');
      size = 0;
    }
    pieces[pieces.length - 1] += character;
    size += bytes;
  }
  return pieces;
}

/** The first file that reads otherwise now; undefined where all is as it was saved. Connections do not count. */
export function firstDifference(saved: ShellyState, now: ShellyState): string | undefined {
  const settings = written(saved).every(([key, config]) => {
    const other = now.config[key];
    return isObject(other) && different(config, other) === undefined;
  });
  if (!settings) return FILES.config;
  if (saved.scripts && !isDeepStrictEqual(saved.scripts, now.scripts)) return FILES.scripts;
  if (saved.kvs && !isDeepStrictEqual(saved.kvs, now.kvs)) return FILES.kvs;
  for (const part of ['schedules', 'webhooks'] as const) {
    if (saved[part] && !isDeepStrictEqual(saved[part].map(told), now[part]?.map(told))) return FILES[part];
  }
  const components = Object.entries(saved.components ?? {}).every(([key, { config, value }]) => {
    const other = now.components?.[key];
    // what has to be paired is not there
    if (!other) return !VIRTUAL.test(key);
    return different(config, other.config) === undefined && isDeepStrictEqual(value, other.value);
  });
  return components ? undefined : FILES.components;
}

const refused = (file: string, reason: string) =>
  new Problem('restore_refused', { params: { file, reason } });
