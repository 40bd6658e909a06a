import { html, nothing, type TemplateResult } from 'lit';

/** Every page begins with it: one sentence, and what explains it. */
export const heading = (sentence: string, lead?: TemplateResult | string): TemplateResult => html`
  <header class="heading">
    <h1 tabindex="-1">${sentence}</h1>
    ${lead ? html`<p class="lead">${lead}</p>` : nothing}
  </header>
`;

/** The way back to the page above, before the heading. */
export const back = (label: string, href: string): TemplateResult =>
  html`<p class="back"><a href=${href}><span aria-hidden="true">‹</span><span>${label}</span></a></p>`;
