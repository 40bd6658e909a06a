import { html, nothing, type TemplateResult } from 'lit';
import { icon } from './icon.ts';

interface EmptyOptions {
  readonly icon: string;
  readonly title: string;
  /** What this is for, and what to do first. */
  readonly text: string;
  readonly action?: TemplateResult;
}

/** Where nothing is yet. */
export const empty = ({ icon: shape, title, text, action }: EmptyOptions): TemplateResult => html`
  <section class="card empty">
    ${icon(shape)}
    <h2>${title}</h2>
    <p>${text}</p>
    ${action ?? nothing}
  </section>
`;
