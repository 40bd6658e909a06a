/** What stands in the place of a secret. */
export const MASK = '••••••';

/** Names of members that hold secrets, whatever the device; a hash of a password is one, too. */
const SECRET_NAME =
  /pass(word|wd|phrase|wort)s?$|(^|[_.-])(pass|pw|pwd|psk)s?$|pass(word|wd|wort)[_-]?(hash|salt)|kennwort|secret|token|(api|private|network|access|auth|encryption|encrypt|shared|priv|wep|wpa|master)[_-]?keys?$|credential/i;

/** The same in one word with capitals: `wifiPass`, but not `bypass`. */
const SECRET_HUMP = /[a-z0-9](Pass|Pw|Pwd|Psk)s?$/;

/** User and password in an address. */
const IN_ADDRESS = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@'"]{1,500}@/gi;

/** A text in which no address says who signs in. */
export const withoutUsers = (text: string): string => text.replace(IN_ADDRESS, `$1${MASK}@`);

/** What looks like a secret in the query of an address. */
const IN_QUERY = /([?&][\w.-]*(?:pass(?:word|wd)?|pwd|token|secret|key)=)[^&\s'"#]+/gi;

/** A text without what an address in it gives away. */
const withoutLogins = (text: string): string =>
  text.includes('://') ? withoutUsers(text).replace(IN_QUERY, `$1${MASK}`) : text;

interface ComparableOptions {
  /** Paths (`a.b.c`) that change by themselves and are left out. */
  readonly noise?: RegExp;
  /** Names of members that are masked besides the usual ones. */
  readonly secrets?: RegExp;
}

/** Whether a member of that name holds a secret. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name) || SECRET_HUMP.test(name);

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

/** All that stands below the name of a secret; that there is none may be seen, and how many there are. */
function hidden(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(hidden);
  if (value === null || value === '' || typeof value === 'boolean') return value;
  if (typeof value !== 'object') return MASK;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, hidden(member)]));
}

/** The same of what was read already. */
export function comparableValue(document: unknown, { noise, secrets }: ComparableOptions = {}): string {
  const clean = (value: unknown, path: string): unknown => {
    if (Array.isArray(value)) return value.map((item, index) => clean(item, `${path}${index}.`));
    if (typeof value === 'string') return withoutLogins(value);
    if (value === null || typeof value !== 'object') return value;
    const members = Object.entries(value)
      .filter(([name]) => !noise?.test(`${path}${name}`))
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, member]) => {
        const secret = isSecretName(name) || secrets?.test(name);
        return [name, secret ? hidden(member) : clean(member, `${path}${name}.`)];
      });
    return Object.fromEntries(members);
  };
  return JSON.stringify(clean(document, ''), null, 2);
}
