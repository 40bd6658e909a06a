import { html, nothing, type TemplateResult } from 'lit';
import type { FoundBackups, ProbeReport } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { ago } from '../kit/time.ts';
import { t } from '../words/index.ts';

/** Folders in which others put backups, where there are some; the one in use is left out. */
export const elsewhere = ({ found }: ProbeReport): readonly FoundBackups[] =>
  found.filter(({ current, backups }) => !current && backups > 0);

/** Backups that are there already: a folder that is chosen takes them over as they are. */
export function foundCard(
  report: ProbeReport,
  adopt: (folder: string) => unknown,
  stay: TemplateResult | typeof nothing,
): TemplateResult {
  return html`
    <section class="card" aria-labelledby="found">
      <h2 id="found" tabindex="-1">${t('found.title')}</h2>
      <p>${t('found.text')}</p>
      <ul class="section">
        ${elsewhere(report).map(
          ({ folder, backups, newest, homes }) => html`
            <li class="row">
              <div>
                <p class="strong">${folder || t('found.top')}</p>
                <p class="quiet small">
                  ${t('target.backups', { count: backups })}${newest ? html`, ${t('found.newest')} ${ago(newest)}` : nothing}
                </p>
                ${homes > 1 ? html`<p class="small">${t('found.homes', { count: homes })}</p>` : nothing}
              </div>
              ${button({ label: t('found.adopt'), name: t('found.adopt_name', { folder: folder || t('found.top') }), act: () => adopt(folder) })}
            </li>
          `,
        )}
      </ul>
      ${stay}
    </section>
  `;
}
