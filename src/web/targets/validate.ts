import * as v from 'valibot';
import { TargetSettings } from '../../contract/index.ts';
import { maybe, t } from '../words/index.ts';
import type { Values } from './preset.ts';

/** What is wrong with settings, by their names; the core says the same, and has the last word. */
export function faults(kind: string, values: Values): Readonly<Record<string, string>> {
  try {
    const result = v.safeParse(TargetSettings, { kind, ...values });
    if (result.success) return {};
    return Object.fromEntries(
      result.issues.flatMap((issue) => {
        const name = issue.path?.[0]?.key;
        return typeof name === 'string' ? [[name, sentence(name, values[name])]] : [];
      }),
    );
  } catch {
    // a browser that lacks what the contract uses
    return {};
  }
}

function sentence(name: string, value: unknown): string {
  if (value === undefined || value === '') return t('invalid.missing');
  return maybe(`invalid.${name}`) ?? t('invalid.other');
}
