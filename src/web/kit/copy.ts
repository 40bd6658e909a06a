import { mdiContentCopy } from '@mdi/js';
import type { TemplateResult } from 'lit';
import { t } from '../words/index.ts';
import { button } from './button.ts';
import type { Toasts } from './toasts.ts';

/** Who says that it is done. */
interface Teller {
  readonly toasts: Toasts;
}

/** Browsers give the clipboard only to pages that came encrypted, and at home few do; this way is old, and open to all. */
function copyTheOldWay(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  // while a dialog is open nothing outside of it can be selected
  (document.querySelector('dialog[open]') ?? document.body).append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  return copied;
}

/** Puts a text where it can be pasted from, and says so. */
export async function copy({ toasts }: Teller, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toasts.say(t('act.copied'));
  } catch {
    toasts.say(t(copyTheOldWay(text) ? 'act.copied' : 'act.not_copied'));
  }
}

/** Copies what stands beside it. */
export const copyButton = (teller: Teller, text: () => string): TemplateResult =>
  button({ label: t('act.copy'), icon: mdiContentCopy, act: () => copy(teller, text()) });
