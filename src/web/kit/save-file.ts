import { mdiDownload } from '@mdi/js';
import type { TemplateResult } from 'lit';
import { t } from '../words/index.ts';
import { button } from './button.ts';

/** Long enough for any browser to have begun with the download (milliseconds). */
const KEPT_MS = 60_000;

/** Saves something that the page has at hand as a file. */
export function saveFile(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}

/** Saves a text as a file. */
export const saveButton = (name: string, text: () => string): TemplateResult =>
  button({
    label: t('act.save_file'),
    icon: mdiDownload,
    act: () => saveFile(name, new Blob([text()], { type: 'text/plain' })),
  });
