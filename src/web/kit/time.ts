import { html, LitElement, type TemplateResult } from 'lit';
import { exact, relative, sinceWhen } from '../words/format.ts';

/** How often "6 minutes ago" is looked at again (milliseconds). */
const TICK_MS = 20_000;

/** A moment, told from now, and exactly for who hovers or listens. */
class RelativeTime extends LitElement {
  static override properties = { at: {} };
  declare at: string;
  #timer: ReturnType<typeof setInterval> | undefined;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.requestUpdate(), TICK_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  protected override render(): TemplateResult {
    const at = new Date(this.at);
    const precise = exact(at);
    return html`<time datetime=${at.toISOString()} title=${precise}
      >${relative(at, new Date())}<span class="hidden"> (${precise})</span></time
    >`;
  }
}

customElements.define('hs-time', RelativeTime);

/** `6 hours ago` */
export const ago = (at: string): TemplateResult => html`<hs-time at=${at}></hs-time>`;

/** `Tuesday`: behind the word "since". */
export const sinceDay = (at: string): TemplateResult => {
  const since = new Date(at);
  return html`<time datetime=${at} title=${exact(since)}>${sinceWhen(since, new Date())}</time>`;
};
