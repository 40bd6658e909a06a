import * as v from 'valibot';
import type { Database } from '../kernel/database.ts';
import { Problem, toProblem } from '../kernel/errors.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Portable } from '../kernel/portable.ts';
import { readVariables } from './environment.ts';
import { readFile } from './file.ts';
import { readSettings } from './settings.ts';
import { WrongSettings } from './source.ts';

/** Where settings may be provided. */
export interface ProvisioningSources {
  readonly file: string;
  /** It was named: that it is not there is a mistake. */
  readonly required: boolean;
  /** The variables that are settings. */
  readonly variables: Readonly<Record<string, string>>;
}

/** What was provided with this start. */
export interface Provisioned {
  /** The parts by name: `general`, `targets` … */
  readonly parts: readonly string[];
  /** Why nothing of it was taken. */
  readonly problem: Problem | undefined;
}

interface ProvisionOptions {
  readonly sources: ProvisioningSources | undefined;
  readonly portables: readonly Portable[];
  readonly database: Database;
  readonly log: Log;
}

/**
 * Takes over what a file and the environment provide: all of it, or nothing where something is wrong. Then the core
 * starts with what it has, and says so: a home's backups go on, whatever somebody has mistyped.
 */
export async function provision(options: ProvisionOptions): Promise<Provisioned> {
  const { sources, portables, database } = options;
  const log = options.log.child('provisioning');
  if (!sources) return { parts: [], problem: undefined };
  try {
    const file = await readFile(sources.file, sources.required);
    const settings = readSettings([...(file ? [file] : []), readVariables(sources.variables)]);
    const given = portables.flatMap((one): [Portable, unknown][] => {
      const part = (settings as Record<string, unknown>)[one.name];
      return part === undefined ? [] : [[one, v.parse(one.schema, part)]];
    });
    const parts = given.map(([{ name }]) => name);
    if (parts.length === 0) return { parts, problem: undefined };
    const changed = await database.transaction(async (tables) => {
      const names: string[] = [];
      for (const [one, part] of given) if (await one.write(part, tables)) names.push(one.name);
      return names;
    });
    log.info('settings are provided', { parts, changed });
    return { parts, problem: undefined };
  } catch (error) {
    const detail = error instanceof WrongSettings ? error.message : undefined;
    const problem =
      detail === undefined ? toProblem(error) : new Problem('provisioning_wrong', { params: { detail } });
    log.warning('the settings that are provided cannot be used: nothing of them was taken', {
      detail,
      reason: detail === undefined ? describeError(error) : undefined,
    });
    return { parts: [], problem };
  }
}
