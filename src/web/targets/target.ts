import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type Target } from '../../contract/index.ts';
import { useAutomatic } from '../home/automatic.ts';
import { isScheduled, known } from '../home/plan.ts';
import { button, linkButton } from '../kit/button.ts';
import { confirm } from '../kit/dialog.ts';
import { back, heading } from '../kit/heading.ts';
import { problem } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { ago, sinceDay } from '../kit/time.ts';
import { Page } from '../shell/page.ts';
import { bytes } from '../words/format.ts';
import { t } from '../words/index.ts';
import { capabilityCard } from './capability-card.ts';
import { health, place } from './card.ts';
import { Check } from './check.ts';
import { elsewhere, foundCard } from './found.ts';

/** A target: how it is, what it can do, and what can be done with it. */
class TargetPage extends Page {
  static override properties = { app: { attribute: false }, target: {}, checking: { type: Boolean } };
  declare target: string;
  /** Checks at once: a link led here for that. */
  declare checking: boolean;
  #check: Check | undefined;

  protected override watched() {
    return [this.app.data.targets, this.app.data.home, this.app.data.providers];
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#check?.stop();
  }

  protected override firstUpdated(): void {
    if (this.checking) void this.#examine();
  }

  protected override render(): TemplateResult {
    const { targets, home, providers } = this.app.data;
    const target = targets.value?.targets.find(({ id }) => id === this.target);
    const up = back(t('backups.name'), '#/backups');
    if (!target) return html`${up}${heading(t('added.none'))}${targets.value ? nothing : skeleton(16)}`;
    const { tone, word } = health(target);
    const preset = providers.value?.providers.find(({ id }) => id === target.capabilities?.provider);
    const { report } = this.#check ?? {};
    return html`
      ${up} ${heading(target.name, html`${place(target)}${preset ? ` · ${preset.name}` : nothing}`)}
      <section class="card" aria-label=${t('target.state')}>
        ${target.problem ? problem(target.problem) : html`<p>${status(tone, word)}</p>`}
        ${this.#facts(target)} ${this.#check?.render() ?? nothing}
        <div class="actions start">
          ${linkButton(t('target.change'), `#/backups/targets/${target.id}/edit`, target.problem !== null)}
          ${button({ label: t('target.check'), act: () => this.#examine() })}
          ${
            home.value && known(home.value, [target]).length > 0 && !isScheduled(home.value, target)
              ? button({ label: t('automatic.act'), act: () => void useAutomatic(this.app, [target]) })
              : nothing
          }
          ${button({ label: t('target.remove'), danger: true, act: () => void this.#remove(target) })}
        </div>
      </section>
      ${report && elsewhere(report).length > 0 ? foundCard(report, (folder) => this.#adopt(folder), nothing) : nothing}
      ${target.capabilities ? capabilityCard(target.capabilities, preset?.quirks) : nothing}
    `;
  }

  #facts(target: Target): TemplateResult {
    const { home } = this.app.data;
    return html`
      <dl class="facts">
        <dt>${t('target.used')}</dt>
        <dd>${bytes(target.bytes)}, ${t('target.backups', { count: target.backups })}</dd>
        <dt>${t('target.newest')}</dt>
        <dd>${target.newest_backup ? ago(target.newest_backup) : t('target.none')}</dd>
        <dt>${t('target.looked')}</dt>
        <dd>${target.checked_at ? ago(target.checked_at) : t('target.never')}</dd>
        ${target.problem_since ? html`<dt>${t('target.since')}</dt><dd>${sinceDay(target.problem_since)}</dd>` : nothing}
        ${
          home.value?.backups
            ? html`<dt>${t('target.automatic')}</dt>
                <dd>${t(isScheduled(home.value, target) ? 'target.is_automatic' : 'target.not_automatic')}</dd>`
            : nothing
        }
      </dl>
    `;
  }

  async #examine(): Promise<void> {
    this.#check ??= new Check(this.app.api, () => this.requestUpdate());
    await this.#check.run({ target_id: this.target, settings: {}, save: false });
    void this.app.data.targets.refresh();
  }

  async #adopt(folder: string): Promise<void> {
    await this.#check?.run({ target_id: this.target, settings: { folder }, save: true });
    void this.app.data.targets.refresh();
    if (this.#check?.saved) this.app.toasts.say(t('edit.saved'));
  }

  async #remove(target: Target): Promise<void> {
    const removed = await confirm({
      title: t('remove.title', { name: target.name }),
      content: html`<p>${t('remove.stays', { count: target.backups, size: bytes(target.bytes), place: place(target) })}</p>
        <p>${t('remove.goes')}</p>`,
      verb: t('target.remove'),
      danger: true,
      act: () => this.app.api.delete(PATHS.target, { params: { target_id: target.id } }),
    });
    if (!removed) return;
    this.app.toasts.say(t('remove.done', { name: target.name }));
    void this.app.data.targets.refresh();
    this.app.router.replace('/backups');
  }
}

customElements.define('hs-target', TargetPage);
