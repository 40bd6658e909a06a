import { type Field, type Provider, TARGET_FIELDS } from '../../contract/index.ts';
import type { FieldValue } from '../kit/field.ts';

export type Values = Readonly<Record<string, FieldValue>>;

/** What of the address a person must know: nothing, the region, the account, or all of it. */
export type Where = 'nothing' | 'region' | 'account' | 'address';

/** The folder tile stands beside the providers. */
export const FOLDER = 'folder';

/** The preset for whatever has none. */
export const OTHER = 'other';

export function whereOf({ endpoint, region_rule }: Provider): Where {
  if (endpoint === null) return 'address';
  if (endpoint.includes('{account}')) return 'account';
  return endpoint.includes('{region}') || region_rule === 'chosen' ? 'region' : 'nothing';
}

/** An address as the provider shows it, where a part of it was asked for: people paste what they see. */
const isAddress = (text: string): boolean => /[.:/]/.test(text);

/** The settings of the address, from what was typed about it. */
export function addressFrom(provider: Provider, typed: string): Values {
  const text = typed.trim();
  const { endpoint, region_rule, regions } = provider;
  if (endpoint === null || isAddress(text)) return { endpoint: text };
  const where = whereOf(provider);
  if (where === 'account') return { endpoint: endpoint.replace('{account}', text), region: regions[0] ?? '' };
  // AWS has no address to fill in: the region says it all
  if (!endpoint.includes('{region}')) return { endpoint, region: region_rule === 'chosen' ? text : '' };
  return { endpoint: endpoint.replace('{region}', text) };
}

/** The fields that are asked for, beside those of the address. */
export function fieldsFor(
  kind: keyof typeof TARGET_FIELDS,
  provider: Provider | undefined,
): readonly Field[] {
  const fields = TARGET_FIELDS[kind];
  if (!provider) return fields;
  const ownAddress = [
    'endpoint',
    ...(provider.region_rule === 'chosen' && provider.endpoint === null ? [] : ['region']),
  ];
  return fields
    .filter(({ name }) => !ownAddress.includes(name))
    .map((field) => (field.name === 'encryption' ? encryptionOf(field, provider) : field));
}

/** Where it is documented what a store can encrypt with, nothing else is offered. */
function encryptionOf(field: Field, { encryption }: Provider): Field {
  return encryption.length === 0 ? field : { ...field, choices: ['off', ...encryption] };
}

/** Whether a field has a place in the form as it is filled in now. */
export function isAsked({ when }: Field, values: Values): boolean {
  return !when || when.is.includes(String(values[when.field] ?? ''));
}

/** What was entered, without what has no place in the form any more. */
export function entered(fields: readonly Field[], changes: Values, all: Values): Values {
  const asked = (name: string) => {
    const field = fields.find((other) => other.name === name);
    return !field || isAsked(field, all);
  };
  return Object.fromEntries(Object.entries(changes).filter(([name]) => asked(name)));
}
