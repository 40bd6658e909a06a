import * as v from 'valibot';
import { type DescribedField, MAX_TEXT } from '../contract/index.ts';
import { parseAddress } from './http/address.ts';

/** What may stand in a setting. */
export type SettingValue = string | number | boolean;

interface FieldOptions<Value> {
  readonly required?: true;
  /** Seldom needed: behind "more settings". */
  readonly advanced?: true;
  readonly default?: Value;
  /** Shown only while another setting has one of these values. */
  readonly when?: { readonly field: string; readonly is: readonly string[] };
}

/** A setting of a kind of device: how it is asked for, and what is valid. */
export interface DeviceField<Value extends SettingValue = SettingValue> {
  readonly type: DescribedField['type'];
  readonly schema: v.GenericSchema<unknown, Value>;
  readonly required: boolean;
  readonly advanced: boolean;
  readonly default: Value;
  readonly choices?: readonly string[];
  readonly when?: { readonly field: string; readonly is: readonly string[] };
}

/** The settings of a kind of device, by name. */
export type DeviceFields = Readonly<Record<string, DeviceField>>;

/** The settings that a handler gets. */
export type SettingsOf<Fields extends DeviceFields> = {
  readonly [Name in keyof Fields]: Fields[Name] extends DeviceField<infer Value> ? Value : never;
};

const LONGEST_MULTILINE = 65_536;

type TextSchema = v.GenericSchema<unknown, string>;

function textLike(
  type: DescribedField['type'],
  { required, advanced, default: start = '', when }: FieldOptions<string>,
  schema: TextSchema,
): DeviceField<string> {
  return {
    type,
    schema: required ? (v.pipe(schema, v.minLength(1, 'something')) as TextSchema) : schema,
    required: required ?? false,
    advanced: advanced ?? false,
    default: start,
    ...(when && { when }),
  };
}

/** One line of text; `pattern` with what it should be, in words, where not anything goes. */
export function text(
  options: FieldOptions<string> & { readonly pattern?: readonly [RegExp, string] } = {},
): DeviceField<string> {
  const plain = v.pipe(v.string(), v.trim(), v.maxLength(MAX_TEXT));
  const [pattern, words] = options.pattern ?? [];
  const schema = pattern
    ? v.pipe(
        plain,
        v.check((value) => (value === '' && !options.required) || pattern.test(value), words ?? 'a value'),
      )
    : plain;
  return textLike('text', options, schema);
}

/** A password or key: encrypted at rest and never shown. */
export function secret(options: FieldOptions<string> = {}): DeviceField<string> {
  return textLike('secret', options, v.pipe(v.string(), v.maxLength(MAX_TEXT)));
}

/** Several lines that may be shown. */
export function lines(options: FieldOptions<string> = {}): DeviceField<string> {
  return textLike('lines', options, v.pipe(v.string(), v.maxLength(LONGEST_MULTILINE)));
}

/** Several lines that are secret, such as a private key. */
export function multiline(options: FieldOptions<string> = {}): DeviceField<string> {
  return textLike('multiline', options, v.pipe(v.string(), v.maxLength(LONGEST_MULTILINE)));
}

/** Where the device is: a name or an IP address, with scheme, port and path where they are not the usual ones. */
export function address(options: Omit<FieldOptions<string>, 'required'> = {}): DeviceField<string> {
  const valid = v.check((value: string) => parseAddress(value) !== undefined, 'a name or an IP address');
  return textLike(
    'text',
    { ...options, required: true },
    v.pipe(v.string(), v.trim(), v.maxLength(MAX_TEXT), valid),
  );
}

/** A whole number. */
export function number(
  options: Omit<FieldOptions<number>, 'required'> & {
    readonly default: number;
    readonly least: number;
    readonly most: number;
  },
): DeviceField<number> {
  const { default: start, least, most, advanced, when } = options;
  return {
    type: 'number',
    schema: v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most)),
    required: false,
    advanced: advanced ?? false,
    default: start,
    ...(when && { when }),
  };
}

/** Yes or no. */
export function flag(options: FieldOptions<boolean> = {}): DeviceField<boolean> {
  return {
    type: 'switch',
    schema: v.boolean(),
    required: false,
    advanced: options.advanced ?? false,
    default: options.default ?? false,
    ...(options.when && { when: options.when }),
  };
}

/** One of several; the first is chosen unless `default` names another. */
export function choice<const Choices extends readonly [string, ...string[]]>(
  choices: Choices,
  options: FieldOptions<Choices[number]> = {},
): DeviceField<Choices[number]> {
  return {
    type: 'choice',
    schema: v.picklist(choices),
    required: false,
    advanced: options.advanced ?? false,
    default: options.default ?? choices[0],
    choices,
    ...(options.when && { when: options.when }),
  };
}

/** The schema of the settings of a kind: what is left out gets its default, what is not known is refused. */
export function settingsSchema(fields: DeviceFields): v.GenericSchema<unknown, Record<string, SettingValue>> {
  const entries = Object.entries(fields).map(([name, { schema, required, default: start }]) => [
    name,
    required ? schema : v.optional(schema, start),
  ]);
  return v.strictObject(Object.fromEntries(entries) as v.ObjectEntries) as v.GenericSchema<
    unknown,
    Record<string, SettingValue>
  >;
}

/** Which settings are sealed at rest and never shown. */
export function secretsOf(fields: DeviceFields): string[] {
  return Object.entries(fields)
    .filter(([, { type }]) => type === 'secret' || type === 'multiline')
    .map(([name]) => name);
}
