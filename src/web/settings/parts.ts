import { locale, maybe } from '../words/index.ts';

/** Parts of the settings in words, as the core names them: `general settings, accesses and MQTT`. */
export function parts(names: readonly string[], first: readonly string[] = []): string {
  const words = names.map((name) => maybe(`settings.parts.${name}`) ?? name);
  return new Intl.ListFormat(locale()).format([...first, ...words]);
}
