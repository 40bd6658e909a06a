import type * as v from 'valibot';
import type { Tables } from './database.ts';

/** Reads and writes what one feature keeps, as it travels to another box or comes from a file. */
interface PortableOf<Schema extends v.GenericSchema> {
  /** Its name in the file; never changes. */
  readonly name: string;
  readonly schema: Schema;
  /** What another box needs of it; undefined where there is nothing. @throws Problem where a secret cannot be read any more */
  read(tables: Tables): Promise<v.InferInput<Schema> | undefined>;
  /**
   * Takes it over, within a transaction and before the features read what they keep; the same once more changes
   * nothing. Returns whether anything is different now.
   */
  write(part: v.InferOutput<Schema>, tables: Tables): Promise<boolean>;
}

/** A part of what travels, with its types forgotten: what carries it knows its schema only. */
export type Portable = PortableOf<v.GenericSchema>;

/** A part of what travels, from the feature that keeps it. */
export function portable<Schema extends v.GenericSchema>(part: PortableOf<Schema>): Portable {
  return part as unknown as Portable;
}
