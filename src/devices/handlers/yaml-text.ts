import { isSecretName, MASK } from './json.ts';

/** A member of a mapping: indentation with the signs of comments and lists, name, and what stands behind the colon. */
const MEMBER = /^([\s#]*(?:-\s+)*)("[^"]*"|'[^']*'|[^\s#:"'{[-][^:#{[]*?)\s*:(?:\s+(.*))?$/;

/** An item of a list that is a plain value. */
const ITEM = /^(\s*-\s+)\S/;

/** Only a name for what stands elsewhere. */
const REFERENCE = /^(!secret\s+\S+|\*\S+)\s*(#.*)?$/;

/** A user and a password in an address. */
const IN_ADDRESS = /(\w:\/\/[^\s:@/]*:)[^\s@/]+@/g;

const bare = (name: string): string => name.replace(/^["']|["']$/g, '');

const indentation = (line: string): number => line.length - line.trimStart().length;

/** Names of members that hold secrets in configurations that people write in YAML: `api_key`, `bindkey`, `seckey`. */
export const isSecretInYaml = (name: string): boolean => isSecretName(name) || /(key|salt|pass)$/i.test(name);

/** What of the following lines belongs to a secret. */
type Hidden =
  /** All that is further in than this. */
  | { readonly deeper: number }
  /** All to the line with the quotation mark that ends it. */
  | { readonly quote: string }
  /** Nothing stood behind the colon: a value further in, or a list. */
  | { readonly below: number };

/**
 * A text in YAML with the values of some members masked, line by line, so that comments and the order of a person stay.
 * `secret` says of a name whether its value is one. What is a `!secret` or an alias stays, for it only names one.
 */
export function maskedYaml(text: string, secret: (name: string) => boolean = isSecretInYaml): string {
  const result: string[] = [];
  let hidden: Hidden | undefined;
  /** Empty lines after a secret, which belong to it only where it goes on behind them. */
  let blank = 0;
  for (const line of text.replaceAll('\r\n', '\n').split('\n')) {
    if (hidden && 'quote' in hidden) {
      if (line.includes(hidden.quote)) hidden = undefined;
      continue;
    }
    if (hidden && 'deeper' in hidden) {
      if (line.trim() === '') {
        blank += 1;
        continue;
      }
      const inside = indentation(line) > hidden.deeper;
      if (!inside) result.push(...Array<string>(blank).fill(''));
      blank = 0;
      if (inside) continue;
      hidden = undefined;
    }
    const [, before = '', name = '', value = ''] = MEMBER.exec(line) ?? [];
    if (hidden && line.trim() !== '') {
      const inside =
        indentation(line) > hidden.below || (indentation(line) === hidden.below && ITEM.test(line));
      if (!inside) hidden = undefined;
      else if (name === '' && !line.trimStart().startsWith('#')) {
        const [, item] = ITEM.exec(line) ?? [];
        result.push(`${item ?? ' '.repeat(indentation(line))}${MASK}`);
        if (item === undefined) hidden = { deeper: hidden.below };
        continue;
      }
    }
    if (name === '' || !secret(bare(name)) || REFERENCE.test(value)) {
      result.push(maskedInLine(line, secret));
      continue;
    }
    const empty = value === '' || value.startsWith('#');
    result.push(empty ? line : `${before}${name}: ${MASK}`);
    // a comment has no lines that belong to it
    if (before.includes('#')) continue;
    hidden = empty ? { below: before.length } : goesOn(value, before.length);
  }
  result.push(...Array<string>(blank).fill(''));
  return result.join('\n');
}

/** What follows a value that began in its line. */
function goesOn(value: string, column: number): Hidden {
  const quote = value[0] === '"' || value[0] === "'" ? value[0] : undefined;
  return quote !== undefined && !value.slice(1).includes(quote) ? { quote } : { deeper: column };
}

/** Members of mappings that stand in one line (`{password: x, ssid: y}`), and passwords in addresses. */
function maskedInLine(line: string, secret: (name: string) => boolean): string {
  return line
    .replace(
      /([{,]\s*)(["']?)([\w-]+)\2(\s*:\s*)("[^"]*"|'[^']*'|[^,{}[\]"']+)/g,
      (all, before: string, quote: string, name: string, colon: string, value: string) =>
        secret(name) && !REFERENCE.test(value.trim())
          ? `${before}${quote}${name}${quote}${colon}${MASK}`
          : all,
    )
    .replace(IN_ADDRESS, `$1${MASK}@`);
}
