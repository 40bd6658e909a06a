import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import type { FetchedFile, SavedFiles } from '../handler.ts';
import type { ShellyRpc } from './shelly-rpc.ts';

const Json = v.record(v.string(), v.unknown());
const Settings = v.looseObject({ sys: v.looseObject({ device: v.looseObject({}) }) });
const Id = v.pipe(v.number(), v.integer(), v.minValue(0));

/** `schedules.json`: jobs without their numbers, which the device gives. */
const Schedules = v.array(
  v.looseObject({ timespec: v.string(), calls: v.array(v.looseObject({ method: v.string() })) }),
);

/** `webhooks.json`: the same. */
const Webhooks = v.array(v.looseObject({ cid: v.number(), event: v.string() }));

/** `components.json`: what people and Bluetooth devices have added, by key: `boolean:200`. */
const Components = v.record(
  v.pipe(v.string(), v.regex(/^\w+:\d+$/)),
  v.object({
    config: Json,
    /** What it shows, for groups: the keys of their members. */
    value: v.optional(v.unknown()),
  }),
);

/** `scripts.json`: what is known of scripts besides their code, which lies in a file each unless it is empty. */
const Scripts = v.array(
  v.object({ id: Id, name: v.string(), enable: v.boolean(), bytes: v.pipe(v.number(), v.minValue(0)) }),
);

export interface Script {
  readonly id: number;
  readonly name: string;
  /** Runs when the device starts. */
  readonly enable: boolean;
  readonly code: Buffer;
}

/** All that is set on a device. What it cannot do, since its model or firmware lacks it, is left out. */
export interface ShellyState {
  readonly config: v.InferOutput<typeof Settings>;
  readonly scripts?: readonly Script[] | undefined;
  readonly kvs?: Readonly<Record<string, unknown>> | undefined;
  readonly schedules?: v.InferOutput<typeof Schedules> | undefined;
  readonly webhooks?: v.InferOutput<typeof Webhooks> | undefined;
  readonly components?: v.InferOutput<typeof Components> | undefined;
}

/** The names of the files. */
export const FILES = {
  config: 'config.json',
  scripts: 'scripts.json',
  kvs: 'kvs.json',
  schedules: 'schedules.json',
  webhooks: 'webhooks.json',
  components: 'components.json',
} as const;

/** Scripts and lists are far shorter; who says otherwise never ends. */
const LONGEST_SCRIPT_BYTES = 1024 * 1024;
const MOST_ITEMS = 2_000;

/** What the device can do. */
export async function methodsOf(rpc: ShellyRpc): Promise<readonly string[]> {
  return (await rpc.call('Shelly.ListMethods', v.object({ methods: v.array(v.string()) }))).methods;
}

/** Reads all that is set. */
export async function readState(rpc: ShellyRpc): Promise<ShellyState> {
  const methods = new Set(await methodsOf(rpc));
  const where = async <Result>(method: string, read: () => Promise<Result>) =>
    methods.has(method) ? read() : undefined;
  return {
    config: await rpc.call('Shelly.GetConfig', Settings),
    scripts: await where('Script.List', () => readScripts(rpc)),
    kvs: await where('KVS.GetMany', () => readKvs(rpc)),
    schedules: await where('Schedule.List', async () => {
      const { jobs } = await rpc.call('Schedule.List', v.object({ jobs: Schedules }));
      return jobs.map(withoutId);
    }),
    webhooks: await where('Webhook.List', async () => {
      const { hooks } = await rpc.call('Webhook.List', v.object({ hooks: Webhooks }));
      return hooks.map(withoutId);
    }),
    components: await where('Shelly.GetComponents', () => readComponents(rpc)),
  };
}

/** Without the number that the device gave. */
const withoutId = <Item extends object>(item: Item): Item =>
  Object.fromEntries(Object.entries(item).filter(([name]) => name !== 'id')) as Item;

const Listed = v.object({ id: Id, name: v.nullish(v.string(), ''), enable: v.nullish(v.boolean(), false) });

async function readScripts(rpc: ShellyRpc): Promise<Script[]> {
  const { scripts } = await rpc.call('Script.List', v.object({ scripts: v.array(Listed) }));
  const read: Script[] = [];
  for (const script of scripts.toSorted((a, b) => a.id - b.id)) {
    read.push({ ...script, code: await readCode(rpc, script.id) });
  }
  return read;
}

const Piece = v.object({ data: v.string(), left: Id });

/** The code of a script: one answer holds about 1 KB of it, and says how many bytes are left. Offsets are bytes. */
async function readCode(rpc: ShellyRpc, id: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let offset = 0;
  let size: number | undefined;
  for (;;) {
    const { result, encoding } = await rpc.pieces('Script.GetCode', Piece, { id, offset });
    const piece = Buffer.from(result.data, encoding);
    pieces.push(piece);
    offset += piece.length;
    size ??= offset + result.left;
    const stuck = piece.length === 0 && result.left > 0;
    // somebody saved another text meanwhile, or bytes were lost
    if (stuck || offset + result.left !== size || size > LONGEST_SCRIPT_BYTES) {
      throw rpc.unexpected(`Script.GetCode: script ${id} in pieces that do not fit`);
    }
    if (result.left === 0) return Buffer.concat(pieces);
  }
}

const Item = v.object({ key: v.string(), value: v.unknown() });
const ItemPage = v.object({
  // as firmware before 1.5 gives them, and since
  items: v.union([v.array(Item), v.record(v.string(), v.object({ value: v.unknown() }))]),
  total: v.optional(Id),
});

async function readKvs(rpc: ShellyRpc): Promise<Record<string, unknown>> {
  const items = await allPages(rpc, 'KVS.GetMany', {}, ItemPage, (page) =>
    Array.isArray(page.items)
      ? page.items
      : Object.entries(page.items).map(([key, { value }]) => ({ key, value })),
  );
  return Object.fromEntries(items.map(({ key, value }) => [key, value]));
}

const ComponentPage = v.object({
  components: v.array(
    v.object({
      key: v.string(),
      config: v.optional(Json, {}),
      status: v.nullish(v.looseObject({ value: v.optional(v.unknown()) })),
    }),
  ),
  total: Id,
});

async function readComponents(rpc: ShellyRpc): Promise<v.InferOutput<typeof Components>> {
  const params = { dynamic_only: true, include: ['config', 'status'] };
  const found = await allPages(rpc, 'Shelly.GetComponents', params, ComponentPage, (page) => page.components);
  const entries = found.map(({ key, config, status }) => [
    key,
    { config, ...(key.startsWith('group:') && { value: status?.value ?? [] }) },
  ]);
  const parsed = v.safeParse(Components, Object.fromEntries(entries));
  if (!parsed.success) throw rpc.unexpected('Shelly.GetComponents');
  return parsed.output;
}

/** All items of a list that comes page by page. */
async function allPages<Page extends { readonly total?: number | undefined }, One>(
  rpc: ShellyRpc,
  method: string,
  params: object,
  schema: v.GenericSchema<unknown, Page>,
  itemsOf: (page: Page) => readonly One[],
): Promise<One[]> {
  const items: One[] = [];
  for (;;) {
    const page = await rpc.call(
      method,
      schema,
      items.length > 0 ? { ...params, offset: items.length } : params,
    );
    const more = itemsOf(page);
    items.push(...more);
    const total = page.total ?? items.length;
    if (items.length >= total) return items;
    if (more.length === 0 || total > MOST_ITEMS) throw rpc.unexpected(`${method}: a list without an end`);
  }
}

const pretty = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** As files. */
export function* filesOf(state: ShellyState): Generator<FetchedFile> {
  yield { name: FILES.config, content: pretty(state.config) };
  if (state.scripts) {
    const list = state.scripts.map(({ code, ...script }) => ({ ...script, bytes: code.length }));
    yield { name: FILES.scripts, content: pretty(list) };
    for (const script of state.scripts) {
      // an empty file would be taken for one that was lost
      if (script.code.length > 0) yield { name: scriptFile(script), content: script.code };
    }
  }
  for (const part of ['kvs', 'schedules', 'webhooks', 'components'] as const) {
    if (state[part]) yield { name: FILES[part], content: pretty(state[part]) };
  }
}

const scriptFile = ({ id, name }: { readonly id: number; readonly name: string }): string => {
  const words = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `script-${id}${words === '' ? '' : `-${words}`}.js`;
};

/** Reads what was saved, all of it. @throws Problem `artefact_…` */
export async function savedState(saved: SavedFiles): Promise<ShellyState> {
  const read = async <Content>(name: string, schema: v.GenericSchema<unknown, Content>): Promise<Content> => {
    const text = await saved.get(name).text();
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch {
      if (/^\s*[[{]/.test(text)) throw new Problem('artefact_cut', { params: { file: name } });
      throw wrong(name, 'no JSON');
    }
    const parsed = v.safeParse(schema, content);
    if (!parsed.success) throw wrong(name, v.getDotPath(parsed.issues[0]) ?? 'another content');
    return parsed.output;
  };
  const there = new Set(saved.files.map(({ name }) => name));
  const optional = async <Content>(name: string, schema: v.GenericSchema<unknown, Content>) =>
    there.has(name) ? read(name, schema) : undefined;
  const scripts: Script[] = [];
  const list = await optional(FILES.scripts, Scripts);
  for (const { bytes, ...script } of list ?? []) {
    const name = scriptFile(script);
    const code = bytes === 0 ? Buffer.alloc(0) : await saved.get(name).bytes();
    if (code.length !== bytes) throw new Problem('artefact_cut', { params: { file: name } });
    scripts.push({ ...script, code });
  }
  return {
    config: await read(FILES.config, Settings),
    scripts: list && scripts,
    kvs: await optional(FILES.kvs, Json),
    schedules: await optional(FILES.schedules, Schedules),
    webhooks: await optional(FILES.webhooks, Webhooks),
    components: await optional(FILES.components, Components),
  };
}

const wrong = (file: string, reason: string) => new Problem('artefact_wrong', { params: { file, reason } });
