import { isDeepStrictEqual } from 'node:util';

type Json = Record<string, unknown>;

/** An error as a device returns it. */
export class ShellyError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

interface ScriptSlot {
  id: number;
  name: string;
  enable: boolean;
  running: boolean;
  code: Buffer;
}

// The limits that Shelly documents for KVS, scripts, schedules, webhooks and virtual components.
const MOST = { keys: 50, key: 42, value: 253, scripts: 10, schedules: 20, webhooks: 20, virtual: 10 };
/** What one call gives and takes of a script (bytes). */
export const CODE_PIECE = 1024;
const PAGE = 2;

const VIRTUAL_TYPES = ['boolean', 'number', 'text', 'enum', 'button', 'group'];
const HOOK_MEMBERS = [
  'cid',
  'enable',
  'event',
  'name',
  'ssl_ca',
  'urls',
  'active_between',
  'condition',
  'repeat_period',
];
/** Namespaces are spelt in their own ways. */
const NAMESPACES: Readonly<Record<string, string>> = {
  sys: 'Sys',
  switch: 'Switch',
  input: 'Input',
  plugs_ui: 'PLUGS_UI',
  wifi: 'Wifi',
  mqtt: 'Mqtt',
  ble: 'BLE',
  cloud: 'Cloud',
  ws: 'WS',
  boolean: 'Boolean',
  number: 'Number',
  group: 'Group',
  bthomedevice: 'BTHomeDevice',
};

const bad = (message: string) => new ShellyError(-103, `Invalid argument ${message}`);
const missing = (what: string) => new ShellyError(-105, `Argument 'id', value ${what} not found!`);
const exhausted = (what: string) => new ShellyError(-108, `Resource exhausted: too many ${what}`);

/** The state and the methods of a device; sign-in and transport are elsewhere. */
export class ShellyMethods {
  readonly info: Readonly<Json>;
  config: Record<string, Json>;
  /** Dynamic components by key. */
  components: Record<string, { config: Json; status: Json; attrs?: Json }> = {};
  scripts: ScriptSlot[] = [];
  kvs = new Map<string, unknown>();
  schedules: (Json & { id: number })[] = [];
  webhooks: (Json & { id: number })[] = [];
  /** Firmware since 1.5 gives values of KVS in pages, and has dynamic components. */
  readonly recent: boolean;
  /** Methods that wrote. */
  readonly written: string[] = [];
  /** Called for `Shelly.Reboot`. */
  onReboot: () => void = () => undefined;
  /** Changes the answer to a method, where a test wants to. */
  spoil: (method: string, result: unknown, params: Json) => unknown = (_, result) => result;

  constructor(info: Json, config: Record<string, Json>, recent: boolean) {
    this.info = info;
    this.config = config;
    this.recent = recent;
  }

  get list(): string[] {
    const own = Object.getOwnPropertyNames(this.#table);
    return [...own, ...Object.values(NAMESPACES).map((name) => `${name}.SetConfig`)].filter(
      (name) => this.recent || !/^(Virtual|Group|Boolean|Number|BTHome\w*)\.|GetComponents/.test(name),
    );
  }

  /** @throws ShellyError */
  call(method: string, params: Json): unknown {
    if (!this.list.includes(method)) throw new ShellyError(404, `No handler for ${method}`);
    if (/\.(Set|SetConfig|Add|Create|Delete|DeleteAll|PutCode|Start|Stop|Reboot)$/.test(method)) {
      this.written.push(method);
    }
    const set = /^(\w+)\.SetConfig$/.exec(method);
    const own = this.#table[method];
    const result = own ? own(params) : this.#setConfig(set?.[1] ?? '', params);
    return this.spoil(method, result, params);
  }

  readonly #table: Readonly<Record<string, (params: Json) => unknown>> = {
    'Shelly.ListMethods': () => ({ methods: this.list }),
    'Shelly.GetDeviceInfo': () => this.info,
    'Shelly.GetConfig': () => ({
      ...this.config,
      ...Object.fromEntries(
        this.scripts.map(({ id, name, enable }) => [`script:${id}`, { id, name, enable }]),
      ),
    }),
    'Shelly.GetStatus': () => ({ sys: { mac: this.info.mac, uptime: 4711, unixtime: 1_780_000_000 } }),
    'Shelly.GetComponents': (params) => this.#components(params),
    'Shelly.Reboot': () => {
      this.onReboot();
      return null;
    },
    'Sys.GetConfig': () => this.config.sys,
    'Script.List': () => ({
      scripts: this.scripts.map(({ id, name, enable, running }) => ({ id, name, enable, running })),
    }),
    'Script.GetCode': (params) => {
      const { code } = this.#script(params);
      const offset = params.offset ?? 0;
      if (typeof offset !== 'number' || offset > code.length) throw bad("'offset'");
      const piece = code.subarray(offset, offset + Math.min(Number(params.len ?? CODE_PIECE), CODE_PIECE));
      // raw bytes: a character may be cut
      return { data: piece.toString('latin1'), left: code.length - offset - piece.length };
    },
    'Script.PutCode': (params) => {
      const script = this.#script(params);
      const { code, append = false } = params;
      if (typeof code !== 'string' || typeof append !== 'boolean') throw bad("'code'");
      if (script.running) throw new ShellyError(-106, 'Script is running');
      const bytes = Buffer.from(code);
      if (bytes.length > CODE_PIECE) throw new ShellyError(-109, 'Frame too large');
      script.code = append ? Buffer.concat([script.code, bytes]) : bytes;
      return { len: script.code.length };
    },
    'Script.Create': ({ name }) => {
      const id = [...Array(MOST.scripts).keys()].find(
        (one) => !this.scripts.some((script) => script.id === one + 1),
      );
      if (id === undefined) throw exhausted('scripts');
      const script = { id: id + 1, name: String(name ?? `script_${id + 1}`), enable: false, running: false };
      this.scripts.push({ ...script, code: Buffer.alloc(0) });
      return { id: id + 1 };
    },
    'Script.Delete': (params) => {
      const script = this.#script(params);
      if (script.running) throw new ShellyError(-106, 'Script is running');
      this.scripts = this.scripts.filter((other) => other !== script);
      return null;
    },
    'Script.Start': (params) => {
      const script = this.#script(params);
      const was = script.running;
      script.running = true;
      return { was_running: was };
    },
    'Script.Stop': (params) => {
      const script = this.#script(params);
      const was = script.running;
      script.running = false;
      return { was_running: was };
    },
    'Script.SetConfig': (params) => {
      const script = this.#script(params);
      const { name = script.name, enable = script.enable, ...rest } = params.config as Partial<ScriptSlot>;
      if (Object.keys(rest).length > 0) throw bad("'config'");
      Object.assign(script, { name, enable });
      return { restart_required: false };
    },
    'KVS.GetMany': ({ offset = 0 }) => {
      const items = [...this.kvs].map(([key, value]) => ({ key, etag: `0${key}`, value }));
      if (!this.recent) return { items: Object.fromEntries(items.map(({ key, ...item }) => [key, item])) };
      const from = Number(offset);
      return { items: items.slice(from, from + PAGE), offset: from, total: items.length };
    },
    'KVS.Get': ({ key }) => {
      if (!this.kvs.has(String(key)))
        throw new ShellyError(-105, `Argument 'key', value '${String(key)}' not found!`);
      return { etag: `0${String(key)}`, value: this.kvs.get(String(key)) };
    },
    'KVS.Set': ({ key, value, ...rest }) => {
      if (typeof key !== 'string' || key === '' || key.length > MOST.key) throw bad("'key'");
      if (value === undefined || String(value).length > MOST.value || Object.keys(rest).length > 0)
        throw bad("'value'");
      if (!this.kvs.has(key) && this.kvs.size >= MOST.keys) throw exhausted('keys');
      this.kvs.set(key, value);
      return { etag: `0${key}`, rev: 1 };
    },
    'KVS.Delete': ({ key }) => {
      if (!this.kvs.delete(String(key)))
        throw new ShellyError(-105, `Argument 'key', value '${String(key)}' not found!`);
      return { rev: 1 };
    },
    'Schedule.List': () => ({ jobs: this.schedules, rev: 7 }),
    'Schedule.DeleteAll': () => {
      this.schedules = [];
      return { rev: 8 };
    },
    'Schedule.Create': ({ enable = false, timespec, calls, ...rest }) => {
      if (typeof timespec !== 'string' || !(timespec.startsWith('@') || timespec.split(' ').length === 6))
        throw bad("'timespec'");
      if (!Array.isArray(calls) || calls.length === 0 || calls.length > 5) throw bad("'calls'");
      if (Object.keys(rest).length > 0) throw bad(Object.keys(rest).join());
      return this.#add(this.schedules, { enable, timespec, calls }, MOST.schedules, 'schedules');
    },
    'Webhook.List': () => ({ hooks: this.webhooks, rev: 3 }),
    'Webhook.DeleteAll': () => {
      this.webhooks = [];
      return { rev: 4 };
    },
    'Webhook.Create': (params) => {
      const { cid, event, urls } = params;
      if (typeof cid !== 'number' || typeof event !== 'string' || !Array.isArray(urls)) throw bad("'event'");
      const wrong = Object.entries(params).find(
        ([name, value]) => !HOOK_MEMBERS.includes(name) || value === null,
      );
      if (wrong) throw bad(`'${wrong[0]}'`);
      const hook = {
        name: null,
        ssl_ca: null,
        active_between: null,
        condition: null,
        repeat_period: 0,
        enable: false,
      };
      return this.#add(this.webhooks, { ...hook, ...params }, MOST.webhooks, 'webhooks');
    },
    'Virtual.Add': ({ type, id, config = {} }) => {
      const key = `${String(type)}:${String(id)}`;
      if (!VIRTUAL_TYPES.includes(String(type)) || typeof id !== 'number' || id < 200 || id > 299)
        throw bad("'type'");
      if (key in this.components) throw new ShellyError(-103, `${key} exists`);
      if ('id' in (config as Json)) throw bad("'config'");
      const virtual = Object.keys(this.components).filter((one) =>
        VIRTUAL_TYPES.includes(one.split(':')[0] ?? ''),
      );
      if (virtual.length >= MOST.virtual) throw exhausted('virtual components');
      const status = type === 'group' ? { value: [] } : { value: null, last_update_ts: 1 };
      this.components[key] = { config: { id, ...(config as Json) }, status };
      return { id };
    },
    'Virtual.Delete': ({ key }) => {
      if (!delete this.components[String(key)]) throw bad("'key'");
      return null;
    },
    'Group.Set': ({ id, value }) => {
      const group = this.components[`group:${String(id)}`];
      if (!group) throw missing(String(id));
      if (!Array.isArray(value) || !value.every((key) => String(key) in this.components))
        throw bad("'value'");
      group.status = { value };
      return null;
    },
  };

  #script({ id }: Json): ScriptSlot {
    const found = this.scripts.find((script) => script.id === id);
    if (!found) throw missing(String(id));
    return found;
  }

  #add(list: (Json & { id: number })[], item: Json, most: number, what: string): object {
    if (list.length >= most) throw exhausted(what);
    const id = Math.max(0, ...list.map((one) => one.id)) + 1;
    list.push({ id, ...item });
    return { id, rev: 9 };
  }

  #components({ offset = 0, dynamic_only: dynamic, include }: Json): unknown {
    if (dynamic !== true) throw bad('the simulator has dynamic ones only');
    const wanted = (include as string[] | undefined) ?? ['config', 'status'];
    const from = Number(offset);
    const all = Object.entries(this.components);
    return {
      components: all.slice(from, from + PAGE).map(([key, { config, status, attrs }]) => ({
        key,
        ...(wanted.includes('status') && { status }),
        ...(wanted.includes('config') && { config }),
        ...(attrs && { attrs }),
      })),
      cfg_rev: this.config.sys?.cfg_rev,
      offset: from,
      total: all.length,
    };
  }

  /** Changes what is told, and nothing that is not known or that is its own. */
  #setConfig(namespace: string, { id, config, ...rest }: Json): unknown {
    const type = Object.entries(NAMESPACES).find(([, name]) => name === namespace)?.[0];
    const key = id === undefined ? `${type}` : `${type}:${String(id)}`;
    const known = this.config[key] ?? this.components[key]?.config;
    if (!known) throw missing(String(id));
    if (typeof config !== 'object' || config === null || Object.keys(rest).length > 0) throw bad("'config'");
    const before = structuredClone(known);
    merge(known, config as Json, '');
    const { sys } = this.config;
    if (sys) sys.cfg_rev = Number(sys.cfg_rev) + 1;
    const eco = (one: Json) => (one.device as Json | undefined)?.eco_mode;
    return { restart_required: !isDeepStrictEqual(eco(before), eco(known)) };
  }
}

const READ_ONLY = /^(id|cfg_rev|device\.(mac|fw_id|profile))$/;
/** Anything may stand in these. */
const FREE = ['ui_data', 'meta'];

function merge(known: Json, change: Json, path: string): void {
  for (const [name, value] of Object.entries(change)) {
    if (!(name in known) || READ_ONLY.test(`${path}${name}`)) throw bad(`'config.${path}${name}'`);
    const inner = known[name];
    if (isPlain(inner) && isPlain(value) && !FREE.includes(name)) merge(inner, value, `${path}${name}.`);
    else known[name] = value;
  }
}

const isPlain = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
