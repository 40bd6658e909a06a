/** A JSON Schema, as far as the API's document uses it. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}

export interface ApiOperation {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly open: boolean;
  /** A token does not do. */
  readonly personal: boolean;
  readonly params: readonly string[];
  readonly query: readonly string[];
  /** Of the JSON that it takes. */
  readonly body: Schema | undefined;
  /** It takes a stream of bytes. */
  readonly takesStream: boolean;
}

interface Document {
  readonly paths: Record<
    string,
    Record<
      string,
      {
        security: readonly object[];
        parameters: readonly { name: string; in: string }[];
        requestBody?: { content: Record<string, { schema: Schema }> };
      }
    >
  >;
}

/** Every operation that the document describes. */
export function operationsOf(document: unknown): ApiOperation[] {
  return Object.entries((document as Document).paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { security, parameters, requestBody }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      method: method.toUpperCase(),
      path,
      open: security.length === 0,
      personal: security.length > 0 && !security.some((scheme) => 'token' in scheme),
      params: parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      body: requestBody?.content['application/json']?.schema,
      takesStream: requestBody !== undefined && requestBody.content['application/json'] === undefined,
    })),
  );
}

/** The path with its parameters filled in, as they are. */
export function fillPath(path: string, values: Readonly<Record<string, string>>): string {
  return path.replace(/\{(\w+)\}/g, (_match, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`no value is known for {${name}} of ${path}: add one here`);
    return value;
  });
}

const SAMPLES: readonly [type: string, value: unknown][] = [
  ['null', null],
  ['boolean', true],
  ['number', 7],
  ['string', 'text'],
  ['array', [1]],
  ['object', { a: 1 }],
];

// Neither is a number of bytes, an age or a count of anything.
const HUGE = [1e308, 2 ** 63, -(2 ** 53)];

function typeOf(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}

/** The alternatives of a schema that a valid value may have been made for. */
function branches(schema: Schema, value: unknown): readonly Schema[] {
  const all = (schema.anyOf ?? schema.oneOf)?.flatMap((branch) => branches(branch, value));
  if (!all) return [schema];
  const fits = all.filter(({ properties = {} }) =>
    Object.entries(properties).every(
      ([name, member]) => member.const === undefined || member.const === (value as never)?.[name],
    ),
  );
  return fits.length > 0 ? fits : all;
}

/** The types that a schema allows; undefined where it allows all. */
function typesOf(alternatives: readonly Schema[]): Set<string> | undefined {
  const types = new Set<string>();
  for (const { type, const: constant, enum: values } of alternatives) {
    const own = constant !== undefined ? [typeOf(constant)] : (values?.map(typeOf) ?? type);
    if (own === undefined) return undefined;
    for (const name of [own].flat()) types.add(name === 'integer' ? 'number' : name);
  }
  return types;
}

/** A spoilt variant of a valid value, and what was done to it. */
export type Spoilt = readonly [what: string, value: unknown];

/** Every member of a valid value with a wrong type, with a huge number where a number belongs, or left out. */
export function spoil(schema: Schema, value: unknown, at = 'the body'): Spoilt[] {
  const alternatives = branches(schema, value);
  const types = typesOf(alternatives);
  const wrong: Spoilt[] = types
    ? SAMPLES.filter(([type]) => !types.has(type)).map(([type, sample]) => [`${at}: ${type}`, sample])
    : [];
  if (types?.has('number')) wrong.push(...HUGE.map((huge): Spoilt => [`${at}: ${huge}`, huge]));
  return [...wrong, ...spoilMembers(alternatives, value, at)];
}

function spoilMembers(alternatives: readonly Schema[], value: unknown, at: string): Spoilt[] {
  if (Array.isArray(value)) {
    const items = alternatives.flatMap((schema) => schema.items ?? []);
    return value.flatMap((item, index) =>
      items.flatMap((schema) =>
        spoil(schema, item, `${at}[${index}]`).map(
          ([what, spoilt]): Spoilt => [what, value.with(index, spoilt)],
        ),
      ),
    );
  }
  if (typeOf(value) !== 'object') return [];
  return alternatives.flatMap(({ properties = {}, required = [] }) =>
    Object.entries(value as object).flatMap(([name, member]): Spoilt[] => {
      const { [name]: _gone, ...rest } = value as Record<string, unknown>;
      const without: Spoilt[] = required.includes(name) ? [[`${at} without ${name}`, rest]] : [];
      const schema = properties[name];
      if (!schema) return without;
      const inner = spoil(schema, member, `${at}.${name}`);
      return [...without, ...inner.map(([what, spoilt]): Spoilt => [what, { ...rest, [name]: spoilt }])];
    }),
  );
}
