import { html, nothing, type TemplateResult } from 'lit';
import type { HomeAssistant, Target } from '../../contract/index.ts';
import '../activity/under-way.ts';
import '../home/back-up.ts';
import { useAutomatic } from '../home/automatic.ts';
import { LINKS } from '../home/links.ts';
import { isScheduled, known } from '../home/plan.ts';
import { button, linkButton } from '../kit/button.ts';
import { heading } from '../kit/heading.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { capabilityCard } from './capability-card.ts';

/** A target was added: now it gets the automatic backups, and a first one. */
class TargetAdded extends Page {
  static override properties = { app: { attribute: false }, target: {} };
  declare target: string;

  protected override watched() {
    return [this.app.data.targets, this.app.data.home];
  }

  protected override render(): TemplateResult {
    const { targets, home } = this.app.data;
    const target = targets.value?.targets.find(({ id }) => id === this.target);
    if (!target) return html`${heading(t('added.none'))}${targets.value ? nothing : skeleton(12)}`;
    return html`
      ${heading(t('added.title', { name: target.name }), t('added.lead'))}
      ${home.value ? this.#next(home.value, target) : skeleton(8)}
      <hs-under-way .app=${this.app}></hs-under-way>
      ${target.capabilities ? capabilityCard(target.capabilities) : nothing}
      <div class="actions start">${linkButton(t('added.overview'), '#/overview')}</div>
    `;
  }

  #next(home: HomeAssistant, target: Target): TemplateResult {
    if (home.state === 'off' || home.state === 'refused' || !home.backups) {
      return this.#step(
        t('added.connect'),
        t('added.connect_text'),
        linkButton(t('back_up.connect'), LINKS.connect, true),
      );
    }
    if (known(home, [target]).length === 0) {
      return this.#step(t('added.pair'), t('added.pair_text'), linkButton(t('back_up.pair'), LINKS.pair));
    }
    const scheduled = isScheduled(home, target);
    return html`
      ${this.#step(
        t('added.automatic'),
        t('added.automatic_text'),
        scheduled
          ? status('ok', t('added.is_automatic'))
          : button({
              label: t('automatic.act'),
              primary: true,
              act: () => void useAutomatic(this.app, [target]),
            }),
      )}
      ${this.#step(
        t('added.first'),
        t('added.first_text'),
        html`<hs-back-up .app=${this.app} .only=${target} ?primary=${scheduled}></hs-back-up>`,
      )}
    `;
  }

  #step(title: string, text: string, action: TemplateResult): TemplateResult {
    return html`
      <section class="card">
        <h2>${title}</h2>
        <p>${text}</p>
        <div class="actions start">${action}</div>
      </section>
    `;
  }
}

customElements.define('hs-target-added', TargetAdded);
