import { html, nothing, type TemplateResult } from 'lit';
import type { Capabilities } from '../../contract/index.ts';
import { shape, status, type Tone } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import { t } from '../words/index.ts';

type Behaviour = Capabilities['checksums'];
type ServiceState = Capabilities['versioning'];

const BEHAVIOURS: Readonly<Record<Behaviour, Tone>> = {
  enforced: 'ok',
  ignored: 'off',
  refused: 'off',
  unknown: 'off',
};
const SERVICES: Readonly<Record<ServiceState, Tone>> = {
  on: 'ok',
  off: 'off',
  suspended: 'off',
  unsupported: 'off',
  forbidden: 'off',
  unknown: 'off',
};

const line = (name: string, tone: Tone, word: string): TemplateResult => html`
  <dt>${name}</dt>
  <dd>${status(tone, word)}</dd>
`;

const behaviour = (name: string, value: Behaviour) =>
  line(name, BEHAVIOURS[value], t(`card.behaviour.${value}`));
const service = (name: string, value: ServiceState) =>
  line(name, SERVICES[value], t(`card.service.${value}`));

/** What a store was seen to do, and what follows from that. Nothing on it is a fault. */
export function capabilityCard(
  capabilities: Capabilities,
  quirks: readonly { readonly code: string; readonly text: string }[] = [],
): TemplateResult {
  const { checksums, conditional_writes, versioning, object_lock, lifecycle, permissions, advice } =
    capabilities;
  const missing = permissions.filter(({ allowed }) => !allowed);
  const days = object_lock.default_days;
  return html`
    <section class="card" aria-labelledby="capabilities">
      <h2 id="capabilities">${t('card.title')}</h2>
      ${
        advice.length > 0
          ? html`<ul class="section">
              ${advice.map(({ text }) => html`<li class="remark">${shape('info')}<p>${text}</p></li>`)}
            </ul>`
          : html`<p>${status('ok', t('card.fine'))}</p>`
      }
      <dl class="facts">
        ${behaviour(t('card.checksums'), checksums)} ${behaviour(t('card.conditional'), conditional_writes)}
        ${service(t('card.versions'), versioning)}
        ${line(
          t('card.lock'),
          SERVICES[object_lock.state],
          days ? t('card.days', { count: days }) : t(`card.service.${object_lock.state}`),
        )}
        ${line(
          t('card.cleanup'),
          lifecycle.aborts_after_days ? 'ok' : 'off',
          lifecycle.aborts_after_days
            ? t('card.days', { count: lifecycle.aborts_after_days })
            : t(`card.service.${lifecycle.state === 'on' ? 'off' : lifecycle.state}`),
        )}
        ${line(t('card.rights'), missing.length > 0 ? 'warn' : 'ok', missing.length > 0 ? t('card.missing', { names: missing.map(({ name }) => name).join(', ') }) : t('card.all_rights'))}
      </dl>
      ${
        quirks.length > 0
          ? html`<details class="more">
              <summary>${t('card.quirks')}</summary>
              <ul class="section">${quirks.map(({ text }) => html`<li>${text}</li>`)}</ul>
            </details>`
          : nothing
      }
      <p class="quiet small">${t('card.examined')} ${ago(capabilities.examined_at)}</p>
    </section>
  `;
}
