import { html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { t } from '../words/index.ts';
import { shape, type Tone } from './status.ts';

interface Toast {
  readonly tone: Tone;
  readonly text: string;
}

/** Long enough to be read twice (milliseconds). What went wrong stays until it is put away. */
const STAYS_MS = 6_000;

/** Says what was done, and what went wrong where there is no better place. */
export class Toasts {
  #shown: readonly Toast[] = [];
  readonly #watchers = new Set<() => void>();

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** It is done. */
  say(text: string): void {
    const toast: Toast = { tone: 'ok', text };
    this.#show([...this.#shown, toast]);
    setTimeout(() => this.#put(toast), STAYS_MS);
  }

  /** It did not work. */
  fail(error: unknown): void {
    const { title, hint }: Trouble = toTrouble(error);
    this.#show([...this.#shown, { tone: 'bad', text: `${title} ${hint}` }]);
  }

  render(): TemplateResult {
    const those = (tone: Tone) => this.#shown.filter((toast) => toast.tone === tone);
    return html`
      <div class="toasts">
        <div role="status">${this.#list(those('ok'))}</div>
        <div role="alert">${this.#list(those('bad'))}</div>
      </div>
    `;
  }

  #list(toasts: readonly Toast[]): unknown {
    return repeat(
      toasts,
      (toast) => toast,
      (toast) => html`
        <div class="toast">
          ${shape(toast.tone)}<span>${toast.text}</span>
          <button type="button" class="button" @click=${() => this.#put(toast)}>${t('act.close')}</button>
        </div>
      `,
    );
  }

  #put(toast: Toast): void {
    this.#show(this.#shown.filter((other) => other !== toast));
  }

  #show(toasts: readonly Toast[]): void {
    this.#shown = toasts;
    for (const changed of this.#watchers) changed();
  }
}
