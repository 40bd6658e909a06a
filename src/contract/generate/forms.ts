import { type Field, TARGET_FIELDS } from '../index.ts';

/** What a form says of a setting. */
interface FieldTexts {
  readonly label: string;
  readonly help: string;
  readonly choices?: Readonly<Record<string, string>>;
}

/** The words of the forms, in a file in `translations/`. */
export interface FormTexts {
  /** The settings, by kind and name. */
  readonly fields: Readonly<Record<string, Readonly<Record<string, FieldTexts>>>>;
  /** What stands around them in Home Assistant's forms. */
  readonly target_form: {
    readonly titles: Readonly<Record<string, string>>;
    readonly description: string;
    readonly name: string;
    readonly name_help: string;
    readonly advanced: string;
  };
}

/** Longer lines are broken the way ruff does it. */
const LINE = 88;

/** A field as the integration knows it: what is not said has its default in the class. */
const FIELD_CLASS = `
@dataclass(frozen=True, slots=True)
class Field:
    """A setting of a target as every form shows it; the core says what is valid."""

    name: str
    type: str
    required: bool = False
    default: str | int | bool = ""
    advanced: bool = False
    choices: tuple[str, ...] = ()
    unit: str | None = None`.trim();

const literal = (value: string | number | boolean): string =>
  typeof value === 'boolean' ? (value ? 'True' : 'False') : JSON.stringify(value);

function field({ name, type, required, default: start, advanced, choices, unit }: Field): string {
  const values: [string, string | undefined][] = [
    ['name', literal(name)],
    ['type', literal(type)],
    ['required', required && 'True'],
    ['default', start === undefined ? undefined : literal(start)],
    ['advanced', advanced && 'True'],
    ['choices', choices && `(${choices.map(literal).join(', ')})`],
    ['unit', unit && literal(unit)],
  ];
  const given = values.flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`]));
  const line = `        Field(${given.join(', ')}),`;
  if (line.length <= LINE) return line;
  return ['        Field(', ...given.map((part) => `            ${part},`), '        ),'].join('\n');
}

function kind([name, fields]: [string, readonly Field[]]): string {
  const oneLine = `    "${name}": (${field(fields[0] as Field).trim()}),`;
  if (fields.length === 1 && oneLine.length <= LINE) return oneLine;
  return [`    "${name}": (`, ...fields.map(field), '    ),'].join('\n');
}

/** The forms for targets, for Python. */
export function pythonForms(): string[] {
  const kinds = Object.entries(TARGET_FIELDS).map(kind);
  return [
    FIELD_CLASS,
    [
      '# The settings of each kind of target, in the order in which a form asks for them.',
      'TARGET_FIELDS: Final[dict[str, tuple[Field, ...]]] = {',
      ...kinds,
      '}',
    ].join('\n'),
  ];
}

const labels = (fields: readonly Field[], texts: FormTexts['fields'][string]) => ({
  data: Object.fromEntries(fields.map(({ name }) => [name, texts[name]?.label])),
  data_description: Object.fromEntries(fields.map(({ name }) => [name, texts[name]?.help])),
});

/** The step in which the settings of one kind of target are asked for. */
function formStep(kind: string, texts: FormTexts, fields: readonly Field[]): object {
  const words = texts.fields[kind] ?? {};
  const { titles, description, name, name_help, advanced: section } = texts.target_form;
  const plain = labels(
    fields.filter(({ advanced }) => !advanced),
    words,
  );
  const advanced = fields.filter((field) => field.advanced);
  return {
    title: titles[kind],
    description,
    data: { name, ...plain.data },
    data_description: { name: name_help, ...plain.data_description },
    ...(advanced.length > 0 && { sections: { advanced: { name: section, ...labels(advanced, words) } } }),
  };
}

/** The steps of the forms for targets, by kind. */
export function formSteps(texts: FormTexts): Record<string, object> {
  const steps = Object.entries(TARGET_FIELDS).map(([name, fields]) => [name, formStep(name, texts, fields)]);
  return Object.fromEntries(steps);
}

/** What can be chosen, by the name of the field. */
export function formChoices({ fields }: FormTexts): Record<string, object> {
  const all = Object.values(fields).flatMap((kind) => Object.entries(kind));
  return Object.fromEntries(
    all.flatMap(([name, { choices }]) => (choices ? [[name, { options: choices }]] : [])),
  );
}
