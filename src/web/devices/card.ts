import { html, nothing, type TemplateResult } from 'lit';
import { type Device, type Operation, PATHS } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { status } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import type { App } from '../shell/app.ts';
import { bytes } from '../words/format.ts';
import { t } from '../words/index.ts';
import { standing, underWay } from './words.ts';

/** Has a device backed up; what comes of it is seen by its events. */
export async function backUpDevice(app: App, device_id: string): Promise<void> {
  try {
    await app.api.post(PATHS.command, { params: { command: 'back_up_device' }, body: { device_id } });
    void app.data.operations.refresh();
  } catch (error) {
    app.toasts.fail(error);
  }
}

/** A device as one of many: how it stands, when it was and will be backed up. */
export function deviceCard(app: App, device: Device, operations: readonly Operation[]): TemplateResult {
  const { tone, word } = standing(device, operations);
  const { backed_up_at, next_at, bytes: size, artefacts } = device;
  return html`
    <li class="card device">
      <div>
        <h2><a href="#/devices/${device.id}">${device.name}</a></h2>
        <p class="quiet small">${[device.kind_name, device.identity.model, device.identity.firmware].filter((part, at, all) => part && all.indexOf(part) === at).join(' · ')}</p>
      </div>
      <p>${status(tone, word)}</p>
      ${device.problem ? html`<p class="small">${device.problem.title}</p>` : nothing}
      <dl class="facts small">
        <dt>${t('devices.last')}</dt>
        <dd>${backed_up_at ? ago(backed_up_at) : t('devices.none_yet')}</dd>
        <dt>${t('devices.next')}</dt>
        <dd>${next_at ? ago(next_at) : t('devices.not_by_itself')}</dd>
        <dt>${t('devices.kept')}</dt>
        <dd>${t('devices.versions', { count: artefacts })}${artefacts > 0 ? html` · ${bytes(size)}` : nothing}</dd>
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
