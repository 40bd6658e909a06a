import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import { isSecretName, MASK } from './json.ts';

/** Secrets besides the usual names: private keys, shared keys, seeds of codes, names of SNMP communities. */
const SECRET = /(?<!pub|public)key$|^prv|psk|seed$|pw$|community$|^apikeys$|keytab|pass_[pb]$/i;

/** Names that only look like it. */
const NO_SECRET = /^(pub|public)|authorizedkeys|^scrambled/i;

/** What reveals nothing: a switch, or nothing. */
const PLAIN = /^[01]?$/;

/** Digests of passwords as systems keep them (crypt(3)). */
const HASHED = /^\$(2[aby]|5|6|argon2\w*)\$/;

/** Of what is kept in base64, so many signs say what it is. */
const BASE64_HEAD = 96;
const PRIVATE = /PRIVATE KEY|static key/i;

/** Who changed something when: with each saving, or with each renewal of a certificate or an address. */
const NOISE =
  /^(revision|created|updated|pwd_changed_at|lastUpdate|statusLastUpdate|current_ip|current_mtime)$/;
const NOISE_ATTRIBUTE = 'persisted_at';

/** As fast-xml-parser gives an element, with its order kept: `{ "hostname": [{ "#text": "fw" }], ":@": { … } }`. */
type Node = Readonly<Record<string, unknown>>;
const TEXT = '#text';
const ATTRIBUTES = ':@';

const Named = v.object({
  opnsense: v.object({
    system: v.object({ hostname: v.optional(v.string()), domain: v.optional(v.string()) }),
  }),
});

/**
 * Whether it is a whole configuration.
 * @throws Problem `artefact_wrong`, `artefact_cut`
 */
export async function checkConfig(file: string, text: string): Promise<void> {
  const wrong = (reason: string) => new Problem('artefact_wrong', { params: { file, reason } });
  const body = text.trim().replace(/^\ufeff?<\?xml[^>]*\?>\s*/, '');
  const root = /^<(\w+)/.exec(body)?.[1];
  if (root === undefined) throw wrong(/^-+ BEGIN config\.xml/.test(body) ? 'encrypted' : 'no XML');
  if (root !== 'opnsense') throw wrong(`a configuration of ${root}`);
  if (!body.endsWith('</opnsense>')) throw new Problem('artefact_cut', { params: { file } });
  // OPNsense writes no types of documents, and entities could be declared in one
  if (/<!DOCTYPE/i.test(body)) throw wrong('a document type');
  const { XMLValidator } = await import('fast-xml-parser');
  const valid = XMLValidator.validate(body);
  if (valid !== true) throw wrong(`line ${valid.err.line}: ${valid.err.code}`);
  if ((await nameIn(text)) === undefined) throw wrong('no section "system"');
}

/** The full name of the firewall in its configuration; empty where it has none, undefined where it is no configuration. */
export async function nameIn(text: string): Promise<string | undefined> {
  const { XMLParser } = await import('fast-xml-parser');
  let document: unknown;
  try {
    document = new XMLParser({ parseTagValue: false, processEntities: false }).parse(text);
  } catch {
    return undefined;
  }
  const parsed = v.safeParse(Named, document);
  if (!parsed.success) return undefined;
  const { hostname, domain } = parsed.output.opnsense.system;
  return [hostname, domain].filter(Boolean).join('.');
}

/** One element a line, without who changed what when, and with secrets masked. Undefined where it is no XML. */
export async function comparableConfig(text: string): Promise<string | undefined> {
  if (!/<opnsense[\s>]/.test(text) || /<!DOCTYPE/i.test(text)) return undefined;
  const { XMLParser } = await import('fast-xml-parser');
  let document: unknown;
  try {
    document = new XMLParser({
      preserveOrder: true,
      ignoreAttributes: false,
      attributeNamePrefix: '',
      parseTagValue: false,
      processEntities: false,
      ignoreDeclaration: true,
    }).parse(text, true);
  } catch {
    return undefined;
  }
  const lines: string[] = [];
  write(lines, nodes(document), '');
  return `${lines.join('\n')}\n`;
}

const nodes = (value: unknown): readonly Node[] => (Array.isArray(value) ? (value as Node[]) : []);

function write(lines: string[], siblings: readonly Node[], indent: string): void {
  for (const node of siblings) {
    const name = Object.keys(node).find((key) => key !== ATTRIBUTES);
    if (name === undefined || NOISE.test(name)) continue;
    if (name === TEXT) {
      lines.push(`${indent}${String(node[name])}`);
      continue;
    }
    const content = nodes(node[name]);
    const begin = `${name}${attributesOf(node)}`;
    const [first] = content;
    if (first === undefined) lines.push(`${indent}<${begin}/>`);
    else if (content.length === 1 && TEXT in first) {
      lines.push(`${indent}<${begin}>${shown(name, String(first[TEXT]))}</${name}>`);
    } else {
      lines.push(`${indent}<${begin}>`);
      write(lines, content, `${indent}  `);
      lines.push(`${indent}</${name}>`);
    }
  }
}

function attributesOf(node: Node): string {
  const attributes = (node[ATTRIBUTES] ?? {}) as Readonly<Record<string, unknown>>;
  return Object.entries(attributes)
    .filter(([name]) => name !== NOISE_ATTRIBUTE)
    .map(([name, value]) => ` ${name}="${String(value)}"`)
    .join('');
}

function shown(name: string, value: string): string {
  if (PLAIN.test(value)) return value;
  const named = (isSecretName(name) || SECRET.test(name)) && !NO_SECRET.test(name);
  const encoded = Buffer.from(value.slice(0, BASE64_HEAD), 'base64').toString('latin1');
  return named || HASHED.test(value) || PRIVATE.test(value) || PRIVATE.test(encoded) ? MASK : value;
}
