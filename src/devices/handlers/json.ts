/** What stands in the place of a secret. */
export const MASK = '••••••';

/** Names of members that hold secrets, whatever the device. */
const SECRET_NAME = /pass(word|wd|phrase)?$|^pwd$|^psk$|secret|token|(api|private|network)_?key$|credential/i;

interface ComparableOptions {
  /** Paths (`a.b.c`) that change by themselves and are left out. */
  readonly noise?: RegExp;
  /** Names of members that are masked besides the usual ones. */
  readonly secrets?: RegExp;
}

/** Whether a member of that name holds a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

/** JSON to be compared: one member a line, in the order of their names, without noise and secrets. Undefined where it is none. */
export function comparable(bytes: Buffer, options: ComparableOptions = {}): string | undefined {
  let document: unknown;
  try {
    document = JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
  return comparableValue(document, options);
}

/** The same of what was read already. */
export function comparableValue(document: unknown, { noise, secrets }: ComparableOptions = {}): string {
  const clean = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => clean(item, `${path}${index}.`));
    if (value === null || typeof value !== 'object') return value;
    const members = Object.entries(value)
      .filter(([name]) => !noise?.test(`${path}${name}`))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => {
        const secret = isSecretName(name) || secrets?.test(name);
        const hidden = secret && member !== '' && (typeof member === 'string' || typeof member === 'number');
        return [name, hidden ? MASK : clean(member, `${path}${name}.`)];
      });
    return Object.fromEntries(members);
  };
  return JSON.stringify(clean(document, ''), null, 2);
}
