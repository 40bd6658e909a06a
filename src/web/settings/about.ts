import { html, nothing, type TemplateResult } from 'lit';
import type { About } from '../../contract/index.ts';
import { problem } from '../kit/problem.ts';
import { ago } from '../kit/time.ts';
import { bytes } from '../words/format.ts';
import { t } from '../words/index.ts';
import { SettingsPage, top } from './page.ts';
import { parts } from './parts.ts';

/** Where the program comes from. */
const HOME = 'https://github.com/homestash/homestash';

/** Which version runs, for how long, and how much room there is. */
class AboutPage extends SettingsPage<About> {
  protected override readonly name = 'settings.about.name';

  protected override get shown() {
    return this.app.data.about;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // no event tells how full a disk is
    void this.shown.refresh();
  }

  protected override head({ version, started_at }: About): TemplateResult {
    const lead = html`${t('settings.about.started')} ${ago(started_at)}`;
    return top(t('settings.about.title', { version }), lead);
  }

  protected override draw(about: About): TemplateResult {
    const { mode, database_copied_at, database_copy_problem, provided } = about;
    return html`
      <section class="card">
        <dl class="facts">
          ${this.#fact(t('settings.about.mode'), t(`settings.about.${mode}`))}
          ${this.#fact(t('settings.about.data'), this.#bytes(about.data_bytes))}
          ${this.#fact(t('settings.about.free'), this.#free(about))}
          ${this.#fact(
            t('settings.about.copy'),
            database_copied_at ? ago(database_copied_at) : t('settings.about.no_copy'),
          )}
          ${provided.settings.length > 0 ? this.#fact(t('settings.about.provided'), parts(provided.settings)) : nothing}
          ${this.#fact(t('settings.about.runtime'), `Node ${about.node}, ${about.platform}`)}
          ${this.#fact(t('settings.about.id'), html`<span class="code">${about.instance_id}</span>`)}
          ${this.#fact(t('settings.about.licence'), 'MIT')}
        </dl>
        ${database_copy_problem ? problem(database_copy_problem) : nothing}
        ${provided.problem ? problem(provided.problem) : nothing}
      </section>
      <ul class="links">
        ${this.#link('source', HOME)} ${this.#link('help', `${HOME}#readme`)}
        ${this.#link('issues', `${HOME}/issues`)}
      </ul>
    `;
  }

  #fact(name: string, value: TemplateResult | string): TemplateResult {
    return html`<dt>${name}</dt><dd>${value}</dd>`;
  }

  #bytes(count: number | null): string {
    return count === null ? t('settings.about.unknown') : bytes(count);
  }

  #free({ disk_free_bytes: free, disk_total_bytes: total }: About): string {
    if (free === null || total === null) return t('settings.about.unknown');
    return t('settings.about.free_of', { free: bytes(free), total: bytes(total) });
  }

  #link(name: 'source' | 'help' | 'issues', href: string): TemplateResult {
    return html`<li><a href=${href} target="_blank" rel="noreferrer">${t(`settings.about.${name}`)}</a></li>`;
  }
}

customElements.define('hs-about', AboutPage);
