import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type PairingCode, PairingCodeRequest } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button } from '../kit/button.ts';
import { copyButton } from '../kit/copy.ts';
import '../kit/countdown.ts';
import { field } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { problem } from '../kit/problem.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';

/** Where Home Assistant might reach this Homestash. */
const EXAMPLE = 'http://192.168.1.2:8098';

interface Made extends PairingCode {
  /** When it ends, by the clock of this browser. */
  readonly until: number;
  /** The accesses that were there before. */
  readonly before: ReadonlySet<string>;
}

/** A pairing code: made here, shown while it is good, gone when it was used. */
class PairingCodeCard extends Page {
  #made: Made | undefined;
  #trouble: Trouble | undefined;
  #ended: 'expired' | 'paired' | undefined;
  readonly #form = new Form<{ url: string }, { url?: string | undefined }>({
    host: this,
    schema: PairingCodeRequest,
    values: { url: '' },
  });

  protected override watched() {
    return [this.app.data.tokens];
  }

  protected override willUpdate(): void {
    const tokens = this.app.data.tokens.value?.tokens ?? [];
    const { before } = this.#made ?? {};
    if (before && tokens.some(({ id }) => !before.has(id))) this.#end('paired');
  }

  protected override render(): TemplateResult {
    return html`
      <section class="card">
        <h2>${t('settings.pairing.code')}</h2>
        <p>${t('settings.pairing.how')}</p>
        <div role="status">${this.#ended ? this.#outcome(this.#ended) : nothing}</div>
        ${this.#made ? this.#show(this.#made) : this.#begin()}
      </section>
    `;
  }

  #outcome(ended: 'expired' | 'paired'): TemplateResult {
    return status(ended === 'paired' ? 'ok' : 'off', t(`settings.pairing.${ended}`));
  }

  #begin(): TemplateResult {
    return html`
      ${this.#trouble ? problem(this.#trouble) : nothing}
      <div class="actions start">
        ${button({ label: t('settings.pairing.make'), primary: true, act: () => this.#make() })}
      </div>
    `;
  }

  #show({ code, url, until }: Made): TemplateResult {
    return html`
      <p class="secret">${code}</p>
      <div class="section-head">
        <p class="quiet">
          ${t('settings.pairing.valid')} <hs-countdown .until=${until} @end=${() => this.#end('expired')}></hs-countdown>
        </p>
        ${copyButton(this.app, () => code)}
      </div>
      <details class="more">
        <summary>${t('settings.pairing.url', { url })}</summary>
        ${this.#form.render({
          content: field({
            id: 'reach',
            label: t('settings.pairing.url_label'),
            help: t('settings.pairing.url_help'),
            error: this.#form.wrong('url')
              ? t('settings.pairing.url_wrong', { example: EXAMPLE })
              : undefined,
            value: this.#form.values.url,
            type: 'url',
            required: true,
            input: (text) => this.#form.set({ url: text }),
          }),
          verb: t('settings.pairing.again'),
          act: (body) => this.#ask(body),
        })}
      </details>
    `;
  }

  async #make(): Promise<void> {
    this.#trouble = undefined;
    try {
      await this.#ask({});
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.requestUpdate();
  }

  async #ask(body: { url?: string | undefined }): Promise<void> {
    const response = await this.app.api.file('POST', PATHS.pairing_codes, { body });
    const made = (await response.json()) as PairingCode;
    // by the core's own clock: that of the browser may go wrong
    const now = Date.parse(response.headers.get('date') ?? '') || Date.now();
    const { tokens = [] } = this.app.data.tokens.value ?? {};
    this.#made = {
      ...made,
      until: Date.now() + Date.parse(made.expires_at) - now,
      before: new Set(tokens.map(({ id }) => id)),
    };
    this.#ended = undefined;
    this.#form.values = { url: made.url };
    this.requestUpdate();
  }

  #end(how: 'expired' | 'paired'): void {
    this.#made = undefined;
    this.#ended = how;
    this.requestUpdate();
  }
}

customElements.define('hs-pairing-code', PairingCodeCard);
