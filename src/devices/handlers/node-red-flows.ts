import * as v from 'valibot';
import { comparableValue, isSecretName, MASK } from './json.ts';

type Members = Readonly<Record<string, unknown>>;

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Headers of HTTP that hold secrets. */
const SECRET_HEADER = /authorization|cookie|api-?key/i;

const isSecret = (name: unknown): boolean =>
  typeof name === 'string' && (isSecretName(name) || SECRET_HEADER.test(name));

/** Masks what stands beside the name of a secret: in environment variables, and in headers of requests. */
function masked(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(masked);
  if (!isMembers(value)) return value;
  const members = Object.entries(value).map(([name, member]) => {
    const secret =
      (name === 'value' && isSecret(value.name)) ||
      (name === 'valueValue' && (isSecret(value.keyType) || isSecret(value.keyValue)));
    return [name, secret && typeof member === 'string' && member !== '' ? MASK : masked(member)];
  });
  return Object.fromEntries(members);
}

function parsed(bytes: Buffer): readonly unknown[] | undefined {
  try {
    const document: unknown = JSON.parse(bytes.toString('utf8'));
    return Array.isArray(document) ? document : undefined;
  } catch {
    return undefined;
  }
}

const idOf = (flow: unknown): string => (isMembers(flow) && typeof flow.id === 'string' ? flow.id : '');

/**
 * Flows to be compared: in the order of their ids, for the editor puts what was touched last at the end. Undefined where
 * they are none.
 */
export function comparableFlows(bytes: Buffer): string | undefined {
  const flows = parsed(bytes);
  if (!flows) return undefined;
  const sorted = flows.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1));
  return comparableValue(masked(sorted));
}

/** One set of nodes of `GET /nodes`. */
const NodeSet = v.object({
  id: v.string(),
  module: v.optional(v.string(), '?'),
  version: v.optional(v.string(), '?'),
  enabled: v.optional(v.boolean(), true),
});

/** What is installed, to be compared: a module a line, and behind them what is switched off. Undefined where it is no list. */
export function comparableModules(bytes: Buffer): string | undefined {
  const sets = parsed(bytes)?.flatMap((set) => {
    const found = v.safeParse(NodeSet, set);
    return found.success ? [found.output] : [];
  });
  if (!sets) return undefined;
  const modules = new Set(sets.map(({ module, version }) => `${module} ${version}`));
  const off = sets.filter(({ enabled }) => !enabled).map(({ id }) => `${id} (off)`);
  return [...[...modules].toSorted(), ...off.toSorted()].join('\n');
}
