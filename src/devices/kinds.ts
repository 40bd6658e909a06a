import type { DescribedField, DeviceKindInfo, Language } from '../contract/index.ts';
import { type DeviceTexts, wordDeviceKind } from '../kernel/texts.ts';
import type { DeviceField } from './fields.ts';
import type { DeviceHandler } from './handler.ts';
import { DEVICE_HANDLERS } from './registry.ts';

/** What a kind is called. */
export function kindName(kind: string, language: Language): string {
  return wordDeviceKind(kind, language)?.name ?? kind;
}

function describeField(name: string, field: DeviceField, texts: DeviceTexts | undefined): DescribedField {
  const words = texts?.fields[name];
  return {
    name,
    type: field.type,
    label: words?.label ?? name,
    help: words?.help ?? '',
    required: field.required,
    default: field.default,
    advanced: field.advanced,
    choices: (field.choices ?? []).map((value) => ({ value, label: words?.choices?.[value] ?? value })),
    when: field.when ? { field: field.when.field, is: [...field.when.is] } : null,
  };
}

function describe(handler: DeviceHandler, language: Language): DeviceKindInfo {
  const texts = wordDeviceKind(handler.kind, language);
  return {
    kind: handler.kind,
    name: texts?.name ?? handler.kind,
    about: texts?.about ?? '',
    guide: texts?.guide ?? '',
    fields: Object.entries(handler.fields).map(([name, field]) => describeField(name, field, texts)),
    restorable: handler.restore !== undefined,
    discoverable: handler.discovery !== undefined,
  };
}

/** All kinds of devices in the words of a language, in the order of their names. */
export function kindsIn(language: Language): DeviceKindInfo[] {
  return DEVICE_HANDLERS.map((handler) => describe(handler, language)).toSorted((a, b) =>
    a.name.localeCompare(b.name, language),
  );
}
