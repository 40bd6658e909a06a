import * as v from 'valibot';
import {
  DeviceInput,
  GeneralSettingsPatch,
  HomeAssistantAccess,
  MqttSettings,
  TargetInput,
  WebhookInput,
} from '../contract/index.ts';
import { reasonOf } from '../kernel/http/input.ts';
import { readSecretFile } from './file.ts';
import { isObject, type Path, type Provided, WrongSettings } from './source.ts';

/** A device as the part takes it that keeps them: what it is, its settings, and when it is backed up. */
const ProvidedDevice = v.strictObject({
  kind: DeviceInput.entries.kind,
  name: v.unwrap(DeviceInput.entries.name),
  settings: DeviceInput.entries.settings,
  plan: v.strictObject({
    schedule: DeviceInput.entries.schedule,
    hours: DeviceInput.entries.hours,
    retry: DeviceInput.entries.retry,
    keep: DeviceInput.entries.keep,
  }),
});

/** What may be provided, by the name of the part that takes it. */
const Settings = v.strictObject({
  general: v.optional(v.strictObject(GeneralSettingsPatch.entries)),
  mqtt: v.optional(v.strictObject(MqttSettings.entries)),
  home_assistant: v.optional(v.strictObject(HomeAssistantAccess.entries)),
  targets: v.optional(v.array(v.strictObject(TargetInput.entries))),
  devices: v.optional(v.array(ProvidedDevice)),
  webhooks: v.optional(v.array(v.strictObject(WebhookInput.entries))),
});

/** The parts that are provided, as each takes them. */
export type ProvidedParts = v.InferOutput<typeof Settings>;

/** In the file they stand outermost. */
const GENERAL = Object.keys(GeneralSettingsPatch.entries);

/** What may lie in a file of its own: `password_file` instead of `password`. */
const IN_FILES = [
  ...['url', 'password', 'token', 'access_key', 'secret_key', 'customer_key', 'proxy_password'],
  'ca_certificate',
  'client_certificate',
  'client_key',
  ...['pin', 'private_key', 'passphrase', 'export_password', 'totp_secret', 'api_key', 'secret', 'headers'],
];

/** What in a list of devices is no setting of its kind. */
const PLAN = ['schedule', 'hours', 'retry', 'keep'];

/** Issues named at once; more help nobody. */
const MAX_ISSUES = 5;

const counterpart = (name: string) => (name.endsWith('_file') ? name.slice(0, -5) : `${name}_file`);

/** One over the other: what the upper names counts, lists of targets come one after the other. */
function over(lower: Provided, upper: Provided): Provided {
  const merged: Record<string, unknown> = { ...lower.document };
  const below = Array.isArray(merged.targets) ? merged.targets.length : 0;
  for (const [name, value] of Object.entries(upper.document)) {
    const before = merged[name];
    if (Array.isArray(value) && Array.isArray(before) && name === 'targets')
      merged[name] = [...before, ...value];
    else if (isObject(value) && isObject(before)) {
      const kept = Object.entries(before).filter(([key]) => !(counterpart(key) in value));
      merged[name] = { ...Object.fromEntries(kept), ...value };
    } else merged[name] = value;
  }
  return {
    document: merged,
    whereIs: ([first, at, ...rest]) => {
      if (first === undefined) return undefined;
      if (first !== 'targets' || typeof at !== 'number') {
        const path: Path = at === undefined ? [first] : [first, at, ...rest];
        return upper.whereIs(path) ?? lower.whereIs(path);
      }
      if (at >= below) return upper.whereIs([first, at - below, ...rest]);
      return lower.whereIs([first, at, ...rest]);
    },
  };
}

/** Puts in what lies in files of its own. */
function withSecrets(values: Record<string, unknown>, path: Path, fail: (path: Path, why: string) => never) {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    const base = counterpart(name);
    if (!name.endsWith('_file') || !IN_FILES.includes(base)) {
      result[name] = value;
      continue;
    }
    if (base in values) fail([...path, name], `either this or ${base}`);
    if (typeof value !== 'string') fail([...path, name], 'the path of a file expected');
    try {
      result[base] = readSecretFile(value as string);
    } catch (error) {
      fail([...path, name], (error as Error).message);
    }
  }
  return result;
}

/** The form of the file as the parts take it. */
function shaped(document: Readonly<Record<string, unknown>>, fail: (path: Path, why: string) => never) {
  const general = Object.entries(document).filter(([name]) => GENERAL.includes(name));
  const rest = Object.entries(document).filter(([name]) => !GENERAL.includes(name));
  const parts = rest.map(([name, value]): [string, unknown] => {
    if (name === 'targets' && Array.isArray(value)) {
      return [
        name,
        value.map((target: unknown, at) => {
          if (!isObject(target)) return target;
          const { name: called, ...settings } = withSecrets(target, [name, at], fail);
          return { ...(called === undefined ? {} : { name: called }), settings };
        }),
      ];
    }
    if (name === 'devices' && Array.isArray(value)) {
      return [
        name,
        value.map((device: unknown, at) => {
          if (!isObject(device)) return device;
          const { kind, name: called, ...others } = withSecrets(device, [name, at], fail);
          const entries = Object.entries(others);
          const plan = Object.fromEntries(entries.filter(([key]) => PLAN.includes(key)));
          const settings = Object.fromEntries(entries.filter(([key]) => !PLAN.includes(key)));
          return { kind, name: called ?? settings.address, settings, plan };
        }),
      ];
    }
    if (name === 'webhooks' && Array.isArray(value)) {
      return [
        name,
        value.map((item: unknown, at) => (isObject(item) ? withSecrets(item, [name, at], fail) : item)),
      ];
    }
    return [name, isObject(value) ? withSecrets(value, [name], fail) : value];
  });
  return {
    ...(general.length > 0 ? { general: Object.fromEntries(general) } : {}),
    ...Object.fromEntries(parts),
  };
}

/** Where something of the parts stands in the file. */
function pathInFile(path: Path): Path {
  const [first, ...rest] = path;
  if (first === 'general') return rest;
  const folded = first === 'targets' || first === 'devices';
  return path.filter((key, at) => !(folded && at === 2 && (key === 'settings' || key === 'plan')));
}

/** Reads settings, each source over the one before. @throws WrongSettings with what is wrong, and where */
export function readSettings(sources: readonly Provided[]): ProvidedParts {
  const all = sources.reduce(over, { document: {}, whereIs: () => undefined });
  const say = (path: Path, why: string) => {
    const where = all.whereIs(path);
    const name = path.join('.');
    // a variable names itself
    return where === undefined
      ? `${name}: ${why}`
      : `${where.startsWith('line') ? `${where}, ${name}` : where}: ${why}`;
  };
  const fail = (path: Path, why: string): never => {
    throw new WrongSettings(say(path, why));
  };
  const parsed = v.safeParse(Settings, shaped(all.document, fail));
  if (parsed.success) return parsed.output;
  const wrong = parsed.issues.slice(0, MAX_ISSUES).map((issue) => {
    const path = (issue.path ?? []).map(({ key }) => key as string | number);
    return say(pathInFile(path), reasonOf(issue));
  });
  throw new WrongSettings(wrong.join('; '));
}
