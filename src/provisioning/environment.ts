import { type Field, TARGET_FIELDS, type TargetKind } from '../contract/index.ts';
import type { Path, Provided } from './source.ts';

/** Which variables are settings of ours; how to run is told by others. */
const SETTING =
  /^HOMESTASH_(?:(NAME|CORS_ORIGINS|OVERDUE_DAYS|LANGUAGE)|(MQTT|HOME_ASSISTANT|TARGET_(\d{1,3}))_([A-Z_]+))$/;

/** Those variables of an environment that are settings and not empty. */
export function settingsIn(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => Boolean(entry[1]) && SETTING.test(entry[0]),
    ),
  );
}

/** A word as the type that its field has; what does not fit stays, and is refused where it is read. */
function typed(text: string, type: Field['type'] | undefined): unknown {
  if (type === 'number' && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (type === 'switch' && /^(?:true|false)$/.test(text)) return text === 'true';
  return text;
}

/** Settings from the environment, in the form that the file has. */
export function readVariables(variables: Readonly<Record<string, string>>): Provided {
  const document: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  const note = (path: Path, variable: string) => origins.set(path.join('.'), variable);
  const targets = new Map<number, Record<string, string>>();
  for (const [variable, text] of Object.entries(variables)) {
    const [, single, group = '', number, rest = ''] = SETTING.exec(variable) ?? [];
    if (single !== undefined) {
      const name = single.toLowerCase();
      if (single === 'CORS_ORIGINS') document[name] = text.split(',').map((origin) => origin.trim());
      else document[name] = typed(text, single === 'OVERDUE_DAYS' ? 'number' : 'text');
      note([name], variable);
    } else if (number !== undefined) {
      const of = Number(number);
      targets.set(of, { ...targets.get(of), [rest.toLowerCase()]: text });
    } else {
      const name = group.toLowerCase();
      document[name] = { ...(document[name] as object | undefined), [rest.toLowerCase()]: text };
      note([name, rest.toLowerCase()], variable);
    }
  }
  const ordered = [...targets].sort(([a], [b]) => a - b);
  if (ordered.length > 0) {
    document.targets = ordered.map(([number, settings], at) => {
      const fields: readonly Field[] = TARGET_FIELDS[settings.kind as TargetKind] ?? [];
      for (const name of Object.keys(settings)) {
        note(['targets', at, name], `HOMESTASH_TARGET_${number}_${name.toUpperCase()}`);
      }
      note(['targets', at], `HOMESTASH_TARGET_${number}_…`);
      const typeOf = (name: string) => fields.find((field) => field.name === name)?.type;
      return Object.fromEntries(
        Object.entries(settings).map(([name, text]) => [name, typed(text, typeOf(name))]),
      );
    });
  }
  return {
    document,
    whereIs: (path) => {
      for (let length = path.length; length > 0; length -= 1) {
        const variable = origins.get(path.slice(0, length).join('.'));
        if (variable !== undefined) return variable;
      }
      return undefined;
    },
  };
}
