import { html, nothing, type TemplateResult } from 'lit';
import type { DeviceIdentity } from '../../contract/index.ts';
import { t } from '../words/index.ts';

const MEMBERS = ['name', 'model', 'firmware', 'chip', 'id'] as const;

/** What a device says of itself. */
export const identityFacts = (identity: DeviceIdentity): TemplateResult => html`
  <dl class="facts">
    ${MEMBERS.map((member) =>
      identity[member]
        ? html`<dt>${t(`devices.identity.${member}`)}</dt><dd>${identity[member]}</dd>`
        : nothing,
    )}
  </dl>
`;

/** The device that something was saved from beside the one that is there now; null where it does not answer. */
export function identityComparison(saved: DeviceIdentity, now: DeviceIdentity | null): TemplateResult {
  const members = MEMBERS.filter((member) => saved[member] || now?.[member]);
  return html`
    <table class="compare">
      <thead>
        <tr>
          <td></td>
          <th scope="col">${t('devices.restore.saved')}</th>
          <th scope="col">${t('devices.restore.now')}</th>
        </tr>
      </thead>
      <tbody>
        ${members.map((member) => {
          const differs = now !== null && now[member] !== saved[member];
          return html`<tr>
            <th scope="row">${t(`devices.identity.${member}`)}</th>
            <td>${saved[member] ?? '–'}</td>
            <td class=${differs ? 'differs' : nothing}>${now?.[member] ?? '–'}${differs ? html` <span class="quiet small">(${t('devices.restore.differs')})</span>` : nothing}</td>
          </tr>`;
        })}
      </tbody>
    </table>
    ${now ? nothing : html`<p class="quiet">${t('devices.restore.silent')}</p>`}
  `;
}
