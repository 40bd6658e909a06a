import { mdiClose } from '@mdi/js';
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { t } from '../words/index.ts';
import { button } from './button.ts';
import { icon } from './icon.ts';
import { problem } from './problem.ts';

interface DialogOptions {
  readonly title: string;
  readonly content: (dialog: Dialog) => TemplateResult;
}

/**
 * A question over the page: the browser's own `<dialog>`, which keeps the focus inside, closes with Escape and gives the
 * focus back. Ends with what was chosen, or undefined.
 */
export class Dialog extends LitElement {
  static #count = 0;
  readonly #id: string;
  /** What the newest attempt to do it met. */
  trouble: Trouble | undefined;
  readonly #options: DialogOptions;
  readonly #ended = Promise.withResolvers<string | undefined>();

  constructor(options: DialogOptions) {
    super();
    Dialog.#count += 1;
    this.#id = `dialog-${Dialog.#count}`;
    this.#options = options;
  }

  /** Resolves when it is closed. */
  get ended(): Promise<string | undefined> {
    return this.#ended.promise;
  }

  close(choice?: string): void {
    this.#ended.resolve(choice);
    this.querySelector('dialog')?.close();
    this.remove();
  }

  /** Does it, and closes; what went wrong is shown in the dialog, which stays. */
  async attempt(act: () => unknown): Promise<void> {
    this.trouble = undefined;
    this.requestUpdate();
    try {
      await act();
      this.close('done');
    } catch (error) {
      this.trouble = toTrouble(error);
      this.requestUpdate();
    }
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.querySelector('dialog')?.showModal();
  }

  protected override render(): TemplateResult {
    const { title, content } = this.#options;
    return html`
      <dialog class="dialog" aria-labelledby=${this.#id} @close=${() => this.close()}>
        <header>
          <h2 id=${this.#id} tabindex="-1" autofocus>${title}</h2>
          <button type="button" class="button bare" aria-label=${t('act.close')} @click=${() => this.close()}>
            ${icon(mdiClose)}
          </button>
        </header>
        ${content(this)} ${this.trouble ? problem(this.trouble) : nothing}
      </dialog>
    `;
  }
}

customElements.define('hs-dialog', Dialog);

/** Opens a dialog; ends when it is closed. */
export function openDialog(options: DialogOptions): Promise<string | undefined> {
  const dialog = new Dialog(options);
  document.body.append(dialog);
  return dialog.ended;
}

interface ConfirmOptions {
  /** The question. */
  readonly title: string;
  /** What goes, and what stays. */
  readonly content: TemplateResult | string | (() => TemplateResult);
  /** What the button says: the verb of the question. */
  readonly verb: string;
  readonly act: () => unknown;
  readonly danger?: boolean;
  /** Whether there is something to do at all. */
  readonly ready?: () => boolean;
}

/** Asks before it does something; says whether it was done. */
export async function confirm({
  title,
  content,
  verb,
  act,
  danger,
  ready,
}: ConfirmOptions): Promise<boolean> {
  const choice = await openDialog({
    title,
    content: (dialog) => html`
      <div class="dialog-text" @change=${() => dialog.requestUpdate()}>
        ${typeof content === 'function' ? content() : html`<p>${content}</p>`}
      </div>
      <div class="actions">
        ${button({ label: t('act.cancel'), act: () => dialog.close() })}
        ${button({
          label: verb,
          primary: true,
          act: () => dialog.attempt(act),
          ...(danger ? { danger } : {}),
          disabled: ready ? !ready() : false,
        })}
      </div>
    `,
  });
  return choice === 'done';
}
