import { html, type TemplateResult } from 'lit';
import { t } from '../words/index.ts';

/** What stands where something will be, as high as that will be (in rows of text), so that nothing jumps. */
export const skeleton = (rows: number): TemplateResult => html`
  <div class="skeleton" style=${`--rows: ${rows}`} role="status"><span class="hidden">${t('loading')}</span></div>
`;
