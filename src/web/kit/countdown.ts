import { html, LitElement, type PropertyValues, type TemplateResult } from 'lit';

const SECOND_MS = 1_000;

/** `14:05`, counted down to nothing; then it tells with an `end` event. */
class Countdown extends LitElement {
  static override properties = { until: { type: Number } };
  /** By the clock of this browser (milliseconds). */
  declare until: number;
  #timer: ReturnType<typeof setInterval> | undefined;

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => this.requestUpdate(), SECOND_MS);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
  }

  get #left(): number {
    return Math.max(0, Math.ceil((this.until - Date.now()) / SECOND_MS));
  }

  protected override updated(_changed: PropertyValues): void {
    if (this.#left === 0) this.dispatchEvent(new Event('end'));
  }

  protected override render(): TemplateResult {
    const left = this.#left;
    return html`<span role="timer">${Math.floor(left / 60)}:${String(left % 60).padStart(2, '0')}</span>`;
  }
}

customElements.define('hs-countdown', Countdown);
