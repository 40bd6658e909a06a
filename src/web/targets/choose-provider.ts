import { html, nothing, type TemplateResult } from 'lit';
import type { Provider } from '../../contract/index.ts';
import { back, heading } from '../kit/heading.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { OTHER } from './preset.ts';
import { folderTile, providerTile } from './provider-tile.ts';

/** So many stand there at once; the others are a click away. */
const FIRST = 8;

/** The first question about a new target: with whom? */
class ChooseProvider extends Page {
  protected override watched() {
    return [this.app.data.providers];
  }

  protected override render(): TemplateResult {
    const { providers } = this.app.data;
    const all = providers.value?.providers ?? [];
    const clouds = all.filter(({ endpoint }) => endpoint !== null);
    const servers = all.filter(({ endpoint, id }) => endpoint === null && id !== OTHER);
    const other = all.filter(({ id }) => id === OTHER);
    return html`
      ${back(t('backups.name'), '#/backups')} ${heading(t('add.title'), t('add.lead'))}
      ${providers.trouble ? problemCard(providers.trouble, { retry: () => providers.refresh() }) : nothing}
      <section class="section" aria-labelledby="in-the-cloud">
        <h2 id="in-the-cloud">${t('add.in_the_cloud')}</h2>
        ${providers.value || providers.trouble ? tiles(clouds.slice(0, FIRST).map(providerTile)) : skeleton(12)}
        ${more(t('add.more'), clouds.slice(FIRST))}
      </section>
      <section class="section" aria-labelledby="at-home">
        <h2 id="at-home">${t('add.at_home')}</h2>
        ${tiles([folderTile(), ...other.map(providerTile)])} ${more(t('add.servers'), servers)}
      </section>
    `;
  }
}

const tiles = (those: readonly TemplateResult[]): TemplateResult => html`<ul class="tiles">${those}</ul>`;

const more = (label: string, providers: readonly Provider[]): TemplateResult | typeof nothing =>
  providers.length === 0
    ? nothing
    : html`<details class="more">
        <summary>${label}</summary>
        ${tiles(providers.map(providerTile))}
      </details>`;

customElements.define('hs-choose-provider', ChooseProvider);
