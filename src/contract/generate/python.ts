import * as contract from '../index.ts';
import { pythonForms } from './forms.ts';
import { MODELS, type Model, OPERATION_OUTCOME } from './models.ts';

/** What of a valibot schema the walk looks at. */
interface Node {
  readonly type: string;
  readonly pipe?: readonly { readonly kind: string; readonly type: string }[];
  readonly entries?: Readonly<Record<string, Node>>;
  readonly wrapped?: Node;
  readonly item?: Node;
  readonly key?: Node;
  readonly value?: Node;
}

/** A type in Python and the function that reads it from JSON. */
interface Typed {
  readonly annotation: string;
  readonly reader: string;
}

const INTEGER_CHECKS = ['integer', 'safe_integer'];

function typed(node: Node, models: ReadonlyMap<Node, string>): Typed {
  const name = models.get(node);
  if (name) return { annotation: name, reader: `${name}.from_dict` };
  switch (node.type) {
    case 'string':
    // A value that a newer core adds to a list must not break an older integration.
    case 'picklist':
    case 'literal':
      return { annotation: 'str', reader: 'as_text' };
    case 'boolean':
      return { annotation: 'bool', reader: 'as_flag' };
    case 'number':
      if (!node.pipe?.some((action) => INTEGER_CHECKS.includes(action.type))) break;
      return { annotation: 'int', reader: 'as_integer' };
    case 'unknown':
      return { annotation: 'object', reader: 'as_anything' };
    case 'loose_object':
      return { annotation: 'dict[str, Any]', reader: 'as_object' };
    case 'nullable':
    case 'optional': {
      if (!node.wrapped) break;
      const { annotation, reader } = typed(node.wrapped, models);
      return { annotation: `${annotation} | None`, reader: `optional(${reader})` };
    }
    case 'array': {
      if (!node.item) break;
      const { annotation, reader } = typed(node.item, models);
      return { annotation: `list[${annotation}]`, reader: `list_of(${reader})` };
    }
    case 'record': {
      if (!node.value) break;
      const { annotation, reader } = typed(node.value, models);
      return { annotation: `dict[str, ${annotation}]`, reader: `map_of(${reader})` };
    }
  }
  throw new Error(`The generator does not know the schema type "${node.type}" yet`);
}

function modelClass(model: Model, models: ReadonlyMap<Node, string>): string {
  const node = model.schema as unknown as Node;
  const members = Object.entries(node.entries ?? {}).map(([name, entry]) => ({
    name,
    ...typed(entry, models),
  }));
  const lines = [
    '@dataclass(frozen=True, slots=True)',
    `class ${model.name}:`,
    `    """${model.doc}"""`,
    '',
    ...members.map(({ name, annotation }) => `    ${name}: ${annotation}`),
    '',
    '    @classmethod',
    '    def from_dict(cls, data: object) -> Self:',
    '        """Read it from JSON; members that are not known are ignored."""',
    '        members = as_object(data)',
    '        return cls(',
    ...members.map(({ name, reader }) => `            ${name}=member(members, "${name}", ${reader}),`),
    '        )',
  ];
  if (model.sent) {
    const pairs = members.map(({ name }) => `"${name}": self.${name}`);
    const oneLine = `        return {${pairs.join(', ')}}`;
    const broken = ['        return {', ...pairs.map((pair) => `            ${pair},`), '        }'];
    const body = oneLine.length <= LINE ? [oneLine] : broken;
    lines.push('', '    def as_dict(self) -> dict[str, Any]:', '        """Turn it into JSON."""', ...body);
  }
  return lines.join('\n');
}

function pathBuilder(name: string, path: string): string {
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  if (parameters.length === 0) return `PATH_${name.toUpperCase()}: Final = "${path}"`;
  const body = path.replace(/\{(\w+)\}/g, '{_segment($1)}');
  const signature = `def path_${name}(${parameters.map((parameter) => `${parameter}: str`).join(', ')}) -> str:`;
  return `${signature}\n    """Return ${path}."""\n${returnLine(body)}`;
}

/** Longer lines are broken the way ruff does it. */
const LINE = 88;

function returnLine(body: string): string {
  const line = `    return f"${body}"`;
  const broken = `        f"${body}"`;
  // what does not fit either way stays on its line
  return line.length <= LINE || broken.length > LINE ? line : `    return (\n${broken}\n    )`;
}

const READERS = `
class ContractError(ValueError):
    """What came from the core is not what core and integration agreed on."""


type Reader[T] = Callable[[object], T]


def as_anything(data: object) -> object:
    """Leave it to somebody else to read."""
    return data


def as_text(data: object) -> str:
    """Read a text."""
    if not isinstance(data, str):
        raise ContractError("a text expected")
    return data


def as_flag(data: object) -> bool:
    """Read true or false."""
    if not isinstance(data, bool):
        raise ContractError("true or false expected")
    return data


def as_integer(data: object) -> int:
    """Read a whole number; in Python true is one, too."""
    if not isinstance(data, int) or isinstance(data, bool):
        raise ContractError("a whole number expected")
    return data


def as_object(data: object) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(data, dict):
        raise ContractError("an object expected")
    return data


def optional[T](reader: Reader[T]) -> Reader[T | None]:
    """Read something that may be null."""
    return lambda data: None if data is None else reader(data)


def list_of[T](reader: Reader[T]) -> Reader[list[T]]:
    """Read a list."""

    def read(data: object) -> list[T]:
        if not isinstance(data, list):
            raise ContractError("a list expected")
        return [reader(item) for item in data]

    return read


def map_of[T](reader: Reader[T]) -> Reader[dict[str, T]]:
    """Read an object whose members are all of one kind."""
    return lambda data: {name: reader(item) for name, item in as_object(data).items()}


def member[T](members: dict[str, Any], name: str, reader: Reader[T]) -> T:
    """Read one member; one that is missing counts as null."""
    try:
        return reader(members.get(name))
    except ContractError as error:
        raise ContractError(f"{name}: {error}") from error


def _segment(value: str) -> str:
    """Quote a parameter so that it stays one segment of the path."""
    return quote(value, safe="")
`.trim();

function dictionary(name: string, type: string, entries: readonly (readonly [string, string])[]): string {
  const lines = entries.map(([key, value]) => `    "${key}": ${value},`);
  return [`${name}: Final[dict[str, ${type}]] = {`, ...lines, '}'].join('\n');
}

function tuple(names: readonly string[]): string {
  if (names.length === 0) return '()';
  return `(${names.map((name) => `"${name}"`).join(', ')}${names.length === 1 ? ',' : ''})`;
}

/** The type of each event, from the literals of the schema. */
function events(): string[] {
  return contract.CoreEvent.options.map((option) => option.entries.event.literal);
}

interface PythonInput {
  readonly version: string;
  /** The placeholders of each sentence that the integration raises. */
  readonly placeholders: Readonly<Record<string, readonly string[]>>;
  /** The same of each notice that becomes a repair. */
  readonly repairs: Readonly<Record<string, readonly string[]>>;
}

/** The Python side of the contract. */
export function pythonContract({ version, placeholders, repairs }: PythonInput): string {
  const models = new Map<Node, string>();
  for (const model of MODELS) models.set(model.schema as unknown as Node, model.name);
  // Nested documents are read the way the integration reads them on their own.
  models.set(contract.ProblemDocument as unknown as Node, 'ProblemDocument');
  const classes = [...MODELS, OPERATION_OUTCOME].map((model) => modelClass(model, models));
  const paths = Object.entries(contract.PATHS).map(([name, path]) => pathBuilder(name, path));
  const constants = paths.filter((path) => path.startsWith('PATH_'));
  const builders = paths.filter((path) => path.startsWith('def '));
  return `${[
    [
      '"""What core and integration say to each other.',
      '',
      'Generated by script/generate from src/contract: change it there.',
      '"""',
      '',
      'from collections.abc import Callable',
      'from dataclasses import dataclass',
      'from typing import Any, Final, Literal, Self',
      'from urllib.parse import quote',
      '',
      '# The version of this integration.',
      `VERSION: Final = "${version}"`,
      '# The contract that this integration speaks, and the header that names it.',
      `API_VERSION: Final = ${contract.API_VERSION}`,
      `API_VERSION_HEADER: Final = "${contract.API_VERSION_HEADER}"`,
      `ARCHIVE_CRC32_HEADER: Final = "${contract.ARCHIVE_CRC32_HEADER}"`,
      `DEFAULT_API_PORT: Final = ${contract.DEFAULT_API_PORT}`,
      '# A list older than this is not believed.',
      `LIST_MAX_AGE_SECONDS: Final = ${contract.LIST_MAX_AGE_SECONDS}`,
      '# The event stream is never silent for longer.',
      `EVENTS_HEARTBEAT_SECONDS: Final = ${contract.EVENTS_HEARTBEAT_SECONDS}`,
      '',
      ...events().map((event) => `EVENT_${event.toUpperCase()}: Final = "${event}"`),
      '',
      ...constants,
      '',
      'type ProblemKind = Literal["not_found", "unreachable", "auth", "error"]',
      '',
      '# How Home Assistant sees each problem.',
      dictionary(
        'PROBLEM_KINDS',
        'ProblemKind',
        Object.entries(contract.PROBLEMS).map(([code, { kind }]) => [code, `"${kind}"`]),
      ),
      '',
      '# The placeholders that the sentence of each error has.',
      dictionary(
        'PLACEHOLDERS',
        'tuple[str, ...]',
        Object.entries(placeholders).map(([key, names]) => [key, tuple(names)]),
      ),
      '',
      '# The notices that have sentences of their own as repairs, and what stands in them.',
      dictionary(
        'REPAIRS',
        'tuple[str, ...]',
        Object.entries(repairs).map(([code, names]) => [code, tuple(names)]),
      ),
    ].join('\n'),
    READERS,
    ...builders,
    ...classes,
    ...pythonForms(),
  ].join('\n\n\n')}\n`;
}
