import { html, nothing, type TemplateResult } from 'lit';
import { percent } from '../words/format.ts';

interface ProgressOptions {
  /** What is on its way. */
  readonly label: string;
  readonly done?: number;
  /** Where it is not known, the bar only says that something happens. */
  readonly total?: number | null;
  /** Speed, remaining time … */
  readonly detail?: string | TemplateResult;
}

/** Something that takes a while. */
export function progress({ label, done = 0, total, detail }: ProgressOptions): TemplateResult {
  const share = total ? Math.min(1, done / total) : undefined;
  return html`
    <div class="progress">
      <div class="progress-words">
        <span>${label}</span>
        <span class="quiet">${detail ?? (share === undefined ? nothing : percent(share))}</span>
      </div>
      <progress max="1" .value=${share ?? nothing} aria-label=${label}></progress>
    </div>
  `;
}
