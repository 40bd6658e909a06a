/** Where a setting of a document was found: its keys and places in lists, from the outside in. */
export type Path = readonly (string | number)[];

/** Settings that somebody provides, and how to tell where each of them stands. */
export interface Provided {
  readonly document: Readonly<Record<string, unknown>>;
  /** `line 7`, or the name of a variable; undefined where it is not from here. */
  readonly whereIs: (path: Path) => string | undefined;
}

/** Thrown for what a person has to mend; says where and what, never the value. */
export class WrongSettings extends Error {
  override readonly name = 'WrongSettings';
}

/** Whether something is an object with names. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
