import { mdiCloudUploadOutline } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type Target } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button, linkButton } from '../kit/button.ts';
import { problem } from '../kit/problem.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { LINKS } from './links.ts';
import { planBackUp } from './plan.ts';

/** "Back up now": has Home Assistant make one, and says how that ended. How it goes on is shown by `hs-under-way`. */
class BackUp extends Page {
  static override properties = {
    app: { attribute: false },
    only: { attribute: false },
    modest: { type: Boolean },
    primary: { type: Boolean },
  };
  /** Where it goes; without it, where the automatic ones go. */
  declare only: Target | undefined;
  declare primary: boolean;
  /** Something beside it says already what is missing. */
  declare modest: boolean;
  #trouble: Trouble | undefined;
  /** The newest end of a backup before ours; undefined while none of ours was begun. */
  #before: string | null | undefined;

  protected override watched() {
    return [this.app.data.home, this.app.data.targets];
  }

  protected override render(): TemplateResult | typeof nothing {
    const { home, targets } = this.app.data;
    const label = t(this.only ? 'back_up.first' : 'back_up.act');
    const idle = html`<button type="button" class="button" disabled><span>${label}</span></button>`;
    if (!home.value || !targets.value) return idle;
    const plan = planBackUp(home.value, targets.value.targets, this.only);
    if (this.modest && (plan.way === 'connect' || plan.way === 'pair')) return nothing;
    if (plan.way === 'connect') return linkButton(t('back_up.connect'), LINKS.connect, this.primary);
    if (plan.way === 'pair') return linkButton(t('back_up.pair'), LINKS.pair, this.primary);
    const busy = home.value.backups?.state !== 'idle';
    return html`
      ${button({
        label,
        icon: mdiCloudUploadOutline,
        primary: this.primary,
        disabled: busy,
        act: () => this.#begin(plan.way === 'to' ? { agent_ids: plan.agent_ids } : {}),
      })}
      <span role="status">${this.#outcome(busy)}</span>
      ${this.#trouble ? problem(this.#trouble) : nothing}
    `;
  }

  #outcome(busy: boolean): TemplateResult | typeof nothing {
    if (this.#before === undefined) return nothing;
    const result = this.app.data.home.value?.backups?.last_result ?? null;
    if ((result?.at ?? null) === this.#before) return busy ? status('busy', t('back_up.running')) : nothing;
    if (result?.outcome === 'completed') return status('ok', t('back_up.done'));
    return status('bad', t('back_up.failed', { reason: result?.reason ?? '' }));
  }

  async #begin(body: object): Promise<void> {
    this.#trouble = undefined;
    this.#before = this.app.data.home.value?.backups?.last_result?.at ?? null;
    try {
      await this.app.api.post(PATHS.home_assistant_backups, { body });
      await this.app.data.home.refresh();
    } catch (error) {
      this.#before = undefined;
      this.#trouble = toTrouble(error);
    }
    this.requestUpdate();
  }
}

customElements.define('hs-back-up', BackUp);
