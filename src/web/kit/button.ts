import { html, nothing, type TemplateResult } from 'lit';
import { icon } from './icon.ts';

interface ButtonOptions {
  readonly label: string;
  readonly act: () => unknown;
  /** The one thing to do here. */
  readonly primary?: boolean;
  /** It takes something away. */
  readonly danger?: boolean;
  readonly icon?: string;
  /** What it does to what, where many buttons have the same label. */
  readonly name?: string;
  readonly disabled?: boolean;
}

/** One of two kinds: the filled one is the one thing to do, the others are outlined. See `busy`. */
export function button(options: ButtonOptions): TemplateResult {
  const { label, act, primary, danger, name, disabled = false } = options;
  const kind = `button${primary ? ' primary' : ''}${danger ? ' danger' : ''}`;
  return html`<button
    type="button"
    class=${kind}
    aria-label=${name ?? nothing}
    ?disabled=${disabled}
    @click=${busy(act)}
  >
    ${options.icon ? icon(options.icon) : nothing}<span>${label}</span>
  </button>`;
}

/** A link that looks like a button: it leads somewhere and changes nothing. */
export const linkButton = (label: string, href: string, primary = false): TemplateResult =>
  html`<a class=${primary ? 'button primary' : 'button'} href=${href}><span>${label}</span></a>`;

/** A listener under which a button is busy, and cannot be pressed again, until what it does has ended. */
export function busy<Cause extends Event>(act: (event: Cause) => unknown): (event: Cause) => Promise<void> {
  return async (event) => {
    const pressed = event.currentTarget as HTMLElement;
    if (pressed.ariaBusy === 'true') return;
    pressed.ariaBusy = 'true';
    try {
      await act(event);
    } finally {
      pressed.ariaBusy = 'false';
    }
  };
}
