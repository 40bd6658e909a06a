import { html, type TemplateResult } from 'lit';
import { PATHS, type Token, type TokenList } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { confirm } from '../kit/dialog.ts';
import { ago } from '../kit/time.ts';
import { t } from '../words/index.ts';
import { SettingsPage, top } from './page.ts';
import './pairing-code.ts';

/** Which programs may use this Homestash, and the code that lets another one in. */
class PairingPage extends SettingsPage<TokenList> {
  protected override readonly name = 'settings.pairing.name';

  protected override get shown() {
    return this.app.data.tokens;
  }

  protected override head({ tokens: { length: count } }: TokenList): TemplateResult {
    return count === 0
      ? top(t('settings.pairing.none'), t('settings.pairing.lead_none'))
      : top(t('settings.pairing.title', { count }), t('settings.pairing.lead'));
  }

  protected override draw({ tokens }: TokenList): TemplateResult {
    return html`
      <hs-pairing-code .app=${this.app}></hs-pairing-code>
      ${
        tokens.length === 0
          ? html``
          : html`<section class="card">
              <h2>${t('settings.pairing.list')}</h2>
              <ul class="lines">${tokens.map((token) => this.#token(token))}</ul>
            </section>`
      }
    `;
  }

  #token(token: Token): TemplateResult {
    const { name, created_at, last_used_at } = token;
    return html`<li>
      <div>
        <h3>${name}</h3>
        <p class="quiet small">
          ${t('settings.pairing.created')} ${ago(created_at)} ·
          ${last_used_at ? html`${t('settings.pairing.used')} ${ago(last_used_at)}` : t('settings.pairing.never')}
        </p>
      </div>
      ${button({
        label: t('settings.pairing.revoke'),
        name: t('settings.pairing.revoke_name', { name }),
        danger: true,
        act: () => this.#revoke(token),
      })}
    </li>`;
  }

  #revoke({ id, name }: Token): Promise<boolean> {
    return confirm({
      title: t('settings.pairing.revoke_title', { name }),
      content: () =>
        html`<p>${t('settings.pairing.revoke_text')}</p><p>${t('settings.pairing.revoke_after')}</p>`,
      verb: t('settings.pairing.revoke'),
      danger: true,
      act: async () => {
        await this.app.api.delete(PATHS.token, { params: { token_id: id } });
        await this.shown.refresh();
        this.app.toasts.say(t('settings.pairing.revoked', { name }));
      },
    });
  }
}

customElements.define('hs-pairing', PairingPage);
