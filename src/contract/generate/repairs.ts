import { NOTICES } from '../index.ts';
import { placeholdersOf } from './placeholders.ts';

/** The sentences of the notices, in a file in `translations/`. */
export type NoticeTexts = Readonly<Record<string, { readonly title: string; readonly text: string }>>;

/** The notices that are also repairs in Home Assistant; those that new settings mend have a form there. */
const REPAIRS = Object.entries(NOTICES)
  .filter(([, notice]) => 'repair' in notice)
  .map(([code, { action }]) => ({ code, hasForm: action === 'edit_target' }));

/** What stands in the sentences of each repair, by its code. */
export function repairPlaceholders(texts: NoticeTexts): Record<string, string[]> {
  return Object.fromEntries(
    REPAIRS.map(({ code }) => [code, placeholdersOf(`${texts[code]?.title} ${texts[code]?.text}`)]),
  );
}

/** What the form of a repair consists of: the steps of the form for a target, and how it may end. */
interface RepairForm {
  readonly steps: Readonly<Record<string, object>>;
  readonly error: Readonly<Record<string, string>>;
  readonly abort: Readonly<Record<string, string>>;
}

/** The repairs of the integration that come from notices. */
export function repairTexts(texts: NoticeTexts, { steps, error, abort }: RepairForm): Record<string, object> {
  return Object.fromEntries(
    REPAIRS.map(({ code, hasForm }) => {
      const { title, text } = texts[code] ?? { title: code, text: code };
      if (!hasForm) return [code, { title, description: text }];
      const step = Object.entries(steps).map(([kind, words]) => [
        kind,
        { ...words, title, description: text },
      ]);
      return [code, { title, fix_flow: { step: Object.fromEntries(step), error, abort } }];
    }),
  );
}
