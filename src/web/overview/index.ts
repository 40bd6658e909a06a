import { mdiDatabaseOutline } from '@mdi/js';
import { html, type TemplateResult } from 'lit';
import { empty } from '../kit/empty.ts';
import { heading } from '../kit/heading.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { targetCard } from '../targets/card.ts';
import { t } from '../words/index.ts';

/** Is everything safe? */
class OverviewPage extends Page {
  protected override watched() {
    return [this.app.data.targets];
  }

  protected override render(): TemplateResult {
    const { value, trouble } = this.app.data.targets;
    if (!value) {
      return html`${heading(t('overview.name'))}
      ${trouble ? problemCard(trouble, { retry: () => this.app.data.targets.refresh() }) : skeleton(8)}`;
    }
    const { targets } = value;
    if (targets.length === 0) {
      return html`${heading(t('overview.name'))}
      ${empty({ icon: mdiDatabaseOutline, title: t('overview.no_places'), text: t('overview.no_places_text') })}`;
    }
    return html`
      ${heading(t('overview.places', { count: targets.length }))}
      <section class="section">
        <h2>${t('overview.targets')}</h2>
        <div class="cards">${targets.map(targetCard)}</div>
      </section>
    `;
  }
}

customElements.define('hs-overview', OverviewPage);
