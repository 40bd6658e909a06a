import { mdiPlus } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import '../activity/under-way.ts';
import { heading } from '../kit/heading.ts';
import { icon } from '../kit/icon.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { targetCard } from '../targets/card.ts';
import { t } from '../words/index.ts';
import { noticeCard } from './notice.ts';
import './timeline.ts';
import { foremost, verdictCard } from './verdict.ts';

/** Is everything safe? */
class OverviewPage extends Page {
  protected override watched() {
    const { overview, targets, backups, home, operations } = this.app.data;
    return [overview, targets, backups, home, operations];
  }

  protected override render(): TemplateResult {
    return html`
      ${this.#verdict()}
      <hs-under-way .app=${this.app}></hs-under-way>
      ${this.#notices()} ${this.#targets()} ${this.#timeline()}
    `;
  }

  #verdict(): TemplateResult {
    const { overview } = this.app.data;
    if (overview.value) return verdictCard(this.app, overview.value);
    if (!overview.trouble)
      return html`<div class="card">${heading(t('overview.unknown'))}${skeleton(3)}</div>`;
    return html`${heading(t('overview.name'))}${problemCard(overview.trouble, { retry: () => overview.refresh() })}`;
  }

  #notices(): TemplateResult | typeof nothing {
    const overview = this.app.data.overview.value;
    const notices = overview?.notices.filter((notice) => notice !== foremost(overview)) ?? [];
    if (notices.length === 0) return nothing;
    return html`
      <section class="section" aria-labelledby="notices">
        <h2 id="notices">${t('overview.attention', { count: notices.length })}</h2>
        <ul class="section">
          ${notices.map((notice) => noticeCard(this.app, notice))}
        </ul>
      </section>
    `;
  }

  #targets(): TemplateResult {
    const { value, trouble } = this.app.data.targets;
    return html`
      <section class="section" aria-labelledby="targets">
        <h2 id="targets">${t('overview.targets')}</h2>
        ${value ? nothing : trouble ? problemCard(trouble, { retry: () => this.app.data.targets.refresh() }) : skeleton(8)}
        <div class="cards">
          ${(value?.targets ?? []).map(targetCard)}
          ${
            value
              ? html`<a class="card add" href="#/backups/targets/new">${icon(mdiPlus)}<span>${t('target.add')}</span></a>`
              : nothing
          }
        </div>
      </section>
    `;
  }

  #timeline(): TemplateResult | typeof nothing {
    const { backups, targets } = this.app.data;
    if (backups.value?.backups.length === 0 || !targets.value) return nothing;
    return html`
      <section class="card" aria-labelledby="timeline">
        <h2 id="timeline">${t('timeline.title')}</h2>
        ${
          backups.value
            ? html`<hs-timeline .targets=${targets.value.targets} .all=${backups.value}></hs-timeline>`
            : skeleton(targets.value.targets.length * 3 + 2)
        }
      </section>
    `;
  }
}

customElements.define('hs-overview', OverviewPage);
