import * as v from 'valibot';
import type { Journal } from './kernel/journal.ts';
import type { Settings } from './kernel/settings.ts';
import { VERSION } from './version.ts';

const Before = v.object({ version: v.string() });

/** Writes down that it runs, and whether another version did before. */
export async function noteStart({
  settings,
  journal,
}: {
  readonly settings: Settings;
  readonly journal: Journal;
}): Promise<void> {
  const before = (await settings.read('version', Before))?.version;
  const params = { version: VERSION };
  if (before === undefined || before === VERSION) void journal.note({ code: 'core_started', params });
  else void journal.note({ code: 'core_updated', params: { ...params, before } });
  if (before !== VERSION) await settings.write('version', { version: VERSION });
}
