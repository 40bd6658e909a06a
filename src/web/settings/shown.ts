import { html, nothing, type TemplateResult } from 'lit';
import type { ShownDevices, ShownEntity } from '../../contract/index.ts';
import { exact } from '../words/format.ts';
import { locale, t } from '../words/index.ts';

/** Digits that a person reads behind the point. */
const DIGITS = 2;

function shownValue({ platform, device_class, value, unit }: ShownEntity): string {
  if (platform === 'button') return t('settings.mqtt.button');
  if (platform === 'event') return t('settings.mqtt.event');
  if (value === null) return t('settings.mqtt.unknown');
  if (typeof value === 'boolean') return t(value ? 'yes' : 'no');
  if (typeof value === 'number') {
    const number = new Intl.NumberFormat(locale(), { maximumFractionDigits: DIGITS }).format(value);
    return unit ? `${number} ${unit}` : number;
  }
  return device_class === 'timestamp' ? exact(new Date(value)) : value;
}

/** What Home Assistant is shown over MQTT, device by device. */
export const shownDevices = ({ devices }: ShownDevices): TemplateResult => html`
  <section class="card">
    <h2>${t('settings.mqtt.shown')}</h2>
    <p class="quiet">${t('settings.mqtt.shown_lead')}</p>
    ${devices.map(
      ({ name, model, entities }) => html`<details class="more">
        <summary>${name}${name === model ? nothing : html` <span class="quiet">${model}</span>`}</summary>
        <dl class="facts">
          ${entities.map((entity) => html`<dt>${entity.name}</dt><dd>${shownValue(entity)}</dd>`)}
        </dl>
      </details>`,
    )}
  </section>
`;
