import { html, type TemplateResult } from 'lit';

/** A shape of @mdi/js. Always beside a text, or inside something that has a name of its own. */
export const icon = (path: string): TemplateResult =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${path}></path></svg>`;
