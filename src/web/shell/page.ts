import { LitElement } from 'lit';
import type { Live } from '../api/live.ts';
import type { App } from './app.ts';

/** What is drawn into the page itself: one style sheet, labels that reach everywhere, no walls. */
export abstract class Element extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }
}

/** A page: it is given the app, and drawn anew when something changed that it watches. */
export abstract class Page extends Element {
  static override properties = { app: { attribute: false } };
  declare app: App;
  readonly #ends: (() => void)[] = [];

  /** What of the core it shows. */
  protected abstract watched(): readonly Pick<Live<unknown>, 'watch'>[];

  override connectedCallback(): void {
    super.connectedCallback();
    const redraw = () => this.requestUpdate();
    this.#ends.push(this.app.watch(redraw), ...this.watched().map((live) => live.watch(redraw)));
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    for (const end of this.#ends.splice(0)) end();
  }
}
