import { html, nothing, type TemplateResult } from 'lit';
import type { Trouble } from '../api/problem.ts';
import { t } from '../words/index.ts';
import { button } from './button.ts';
import { shape } from './status.ts';

interface ProblemOptions {
  readonly retry?: () => unknown;
}

/** What went wrong, and what to do about it, where it went wrong. It is read out at once. */
export const problem = ({ title, hint, code }: Trouble): TemplateResult => html`
  <div class="problem" role="alert" data-code=${code}>
    ${shape('bad')}
    <div><p class="strong">${title}</p><p>${hint}</p></div>
  </div>
`;

/** A place that could not be filled. */
export const problemCard = (trouble: Trouble, { retry }: ProblemOptions = {}): TemplateResult => html`
  <section class="card">
    ${problem(trouble)}
    ${retry ? html`<div class="actions">${button({ label: t('act.again'), act: retry })}</div>` : nothing}
  </section>
`;
