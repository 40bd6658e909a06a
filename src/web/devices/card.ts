import { html, nothing, type TemplateResult } from 'lit';
import { type Device, type Operation, PATHS } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { status } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import type { App } from '../shell/app.ts';
import { bytes } from '../words/format.ts';
import { t } from '../words/index.ts';
import { standing, underWay, versions } from './words.ts';

/** Has a device backed up; what comes of it is seen by its events. */
export async function backUpDevice(app: App, device_id: string): Promise<void> {
  try {
    await app.api.post(PATHS.command, { params: { command: 'back_up_device' }, body: { device_id } });
    void app.data.operations.refresh();
  } catch (error) {
    app.toasts.fail(error);
  }
}

/** When a device is backed up next, or why it is not. */
export function nextTime({ next_at, schedule }: Device): TemplateResult | string {
  if (next_at) return ago(next_at);
  return t(schedule === 'off' ? 'devices.schedule.off' : 'devices.not_by_itself');
}

/** A device as one of many: how it stands, when it was and will be backed up. */
export function deviceCard(app: App, device: Device, operations: readonly Operation[]): TemplateResult {
  const { tone, word } = standing(device, operations);
  const { backed_up_at, changed_at, bytes: size, artefacts } = device;
  return html`
    <li class="card device">
      <div>
        <h2><a href="#/devices/${device.id}">${device.name}</a></h2>
        <p class="quiet small">${[device.kind_name, device.identity.model, device.identity.firmware].filter((part, at, all) => part && all.indexOf(part) === at).join(' · ')}</p>
      </div>
      <div class="device-state">
        <p>${status(tone, word)}</p>
        ${device.problem && tone !== 'busy' ? html`<p class="small">${device.problem.title}</p>` : nothing}
      </div>
      <dl class="facts small">
        <dt>${t('devices.last')}</dt>
        <dd>${backed_up_at ? ago(backed_up_at) : t('devices.none_yet')}</dd>
        ${changed_at ? html`<dt>${t('devices.changed')}</dt><dd>${ago(changed_at)}</dd>` : nothing}
        <dt>${t('devices.next')}</dt>
        <dd>${nextTime(device)}</dd>
        <dt>${t('devices.kept')}</dt>
        <dd>${versions(device)}${artefacts > 0 ? html` · ${bytes(size)}` : nothing}</dd>
      </dl>
      <div class="actions start">
        ${button({
          label: t('devices.back_up'),
          name: t('devices.back_up_name', { name: device.name }),
          disabled: underWay(device, operations) !== undefined,
          act: () => backUpDevice(app, device.id),
        })}
      </div>
    </li>
  `;
}
