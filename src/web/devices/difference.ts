import { html, nothing, type TemplateResult } from 'lit';
import type { Difference, DifferenceRow } from '../../contract/index.ts';
import { t } from '../words/index.ts';

type FileDifference = Difference['files'][number];

const isSame = ({ old_text, new_text }: DifferenceRow): boolean => old_text !== null && old_text === new_text;

/** One side of a row: its number, a sign, its text. Colour is never all that says it. */
function side(row: DifferenceRow, which: 'old' | 'new'): TemplateResult {
  const text = which === 'old' ? row.old_text : row.new_text;
  const number = which === 'old' ? row.old_number : row.new_number;
  const changed = text !== null && !isSame(row);
  const sign = changed ? (which === 'old' ? '−' : '+') : '';
  const tone = changed ? (which === 'old' ? 'gone' : 'come') : text === null ? 'absent' : '';
  return html`<td class="line-number">${number ?? nothing}</td>
    <td class="line ${tone}"><span class="sign">${sign}</span><code>${text ?? nothing}</code></td>`;
}

function part(rows: readonly DifferenceRow[]): TemplateResult {
  return html`<tbody>
    ${rows.map((row) => html`<tr class=${isSame(row) ? 'same' : 'different'}>${side(row, 'old')}${side(row, 'new')}</tr>`)}
  </tbody>`;
}

/** What is different in a file, side by side; on a phone one below the other. */
export function fileDifference({ name, state, added, removed, parts, cut }: FileDifference): TemplateResult {
  const summary =
    state === 'changed' ? t('devices.lines', { added, removed }) : t(`devices.difference.${state}`);
  return html`
    <section class="card difference">
      <h3>${name}</h3>
      <p class="quiet small">${summary}</p>
      ${
        parts.length > 0
          ? html`<div class="difference-scroll" role="region" aria-label=${name} tabindex="0">
              <table>
                <colgroup>
                  <col class="number" /><col /><col class="number" /><col />
                </colgroup>
                <thead>
                  <tr>
                    <th colspan="2" scope="col">${t('devices.difference.before')}</th>
                    <th colspan="2" scope="col">${t('devices.difference.after')}</th>
                  </tr>
                </thead>
                ${parts.map(part)}
              </table>
            </div>`
          : nothing
      }
      ${cut ? html`<p class="quiet small">${t('devices.difference.cut')}</p>` : nothing}
    </section>
  `;
}
