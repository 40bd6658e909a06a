import { html, nothing, type TemplateResult } from 'lit';
import { type Device, type DeviceKindInfo, PATHS } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { busy } from '../kit/button.ts';
import { field, toggle } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem, problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { deviceFields, isIncomplete, type PlanValues, planFields, settingsOf, type Values } from './form.ts';

/** The settings of a device: where it is, when it is backed up, and what is kept. */
class EditDevice extends Page {
  static override properties = { app: { attribute: false }, device: {} };
  declare device: string;
  #values: Values = {};
  #name: string | undefined;
  #plan: PlanValues | undefined;
  #keep: Device['keep'] | undefined;
  #strict = false;
  #trouble: Trouble | undefined;
  #trying = false;

  protected override watched() {
    return [this.app.data.devices, this.app.data.kinds];
  }

  protected override render(): TemplateResult {
    const device = this.app.data.devices.value?.devices.find(({ id }) => id === this.device);
    const info = this.app.data.kinds.value?.kinds.find(({ kind }) => kind === device?.kind);
    if (!device || !info) {
      const { devices, kinds } = this.app.data;
      const trouble = devices.trouble ?? kinds.trouble;
      const gone = devices.value !== undefined && !device;
      const rest = gone ? nothing : trouble ? problemCard(trouble) : skeleton(12);
      return html`${back(t('devices.name'), '#/devices')}${heading(t(gone ? 'devices.gone' : 'devices.edit'))}${rest}`;
    }
    this.#plan ??= { schedule: device.schedule, hours: device.hours, retry: device.retry };
    this.#keep ??= device.keep;
    const plan = this.#plan;
    const keep = this.#keep;
    const values = { ...device.settings, ...this.#values };
    return html`
      ${back(device.name, `#/devices/${device.id}`)} ${heading(t('devices.edit_title', { name: device.name }))}
      <form class="card" novalidate @submit=${busy((event: Event) => this.#submit(event, device, info))}>
        ${field({
          id: 'device-name',
          label: t('form.name'),
          value: this.#name ?? device.name,
          required: true,
          input: (text) => {
            this.#name = text;
          },
        })}
        ${deviceFields({
          kind: info,
          values,
          kept: device.secrets,
          strict: this.#strict,
          change: (name, value) => {
            this.#values = { ...this.#values, [name]: value };
            this.requestUpdate();
          },
        })}
        ${planFields(plan, (change) => {
          this.#plan = { ...plan, ...change };
          this.requestUpdate();
        })}
        <details class="more">
          <summary>${t('devices.keep.title')}</summary>
          <div class="section">
            ${this.#count('last', keep)} ${this.#count('days', keep)}
            ${toggle({
              id: 'keep-generations',
              label: t('devices.keep.generations'),
              help: t('devices.keep.generations_help'),
              on: keep.generations,
              change: (generations) => this.#setKeep({ ...keep, generations }),
            })}
          </div>
        </details>
        ${this.#trouble ? problem(this.#trouble) : nothing}
        <div class="actions start">
          <button type="submit" class="button primary"><span>${t('act.save')}</span></button>
        </div>
        <p class="quiet meanwhile" role="status">${this.#trying ? t('devices.trying') : nothing}</p>
      </form>
    `;
  }

  #count(name: 'last' | 'days', keep: Device['keep']): TemplateResult {
    return field({
      id: `keep-${name}`,
      label: t(`devices.keep.${name}`),
      value: keep[name],
      type: 'number',
      unmarked: true,
      input: (text) => this.#setKeep({ ...keep, [name]: /^\d+$/.test(text) ? Number(text) : keep[name] }),
    });
  }

  #setKeep(keep: Device['keep']): void {
    this.#keep = keep;
    this.requestUpdate();
  }

  async #submit(event: Event, device: Device, info: DeviceKindInfo): Promise<void> {
    event.preventDefault();
    const values = { ...device.settings, ...this.#values };
    this.#trouble = undefined;
    this.#strict = isIncomplete(info, values, device.secrets);
    this.#trying = !this.#strict;
    this.requestUpdate();
    await this.updateComplete;
    if (this.#strict) {
      this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
      return;
    }
    try {
      // what is the same is not tried anew: that may need a device that is switched off
      const touched = Object.keys(this.#values).length > 0;
      const body = {
        name: this.#name ?? device.name,
        ...this.#plan,
        keep: this.#keep,
        ...(touched ? { settings: settingsOf(info, values, device.secrets) } : {}),
      };
      await this.app.api.patch(PATHS.device, { params: { device_id: device.id }, body });
      await this.app.data.devices.refresh();
      this.app.toasts.say(t(touched ? 'devices.saved' : 'settings.saved'));
      this.app.router.replace(`/devices/${device.id}`);
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.#trying = false;
    this.requestUpdate();
  }
}

customElements.define('hs-edit-device', EditDevice);
