import { mdiDevices, mdiMagnify, mdiPlus, mdiTableArrowLeft } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { type Device, PATHS } from '../../contract/index.ts';
import { button, linkButton } from '../kit/button.ts';
import { empty } from '../kit/empty.ts';
import { field } from '../kit/field.ts';
import { heading } from '../kit/heading.ts';
import { icon } from '../kit/icon.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { deviceCard } from './card.ts';
import { byUrgency, standing } from './words.ts';

/** Longer lists can be searched. */
const SEARCHED_FROM = 9;

/** All devices whose configurations are kept. */
class DevicesPage extends Page {
  #wanted = '';

  protected override watched() {
    return [this.app.data.devices, this.app.data.operations];
  }

  protected override render(): TemplateResult {
    const { value, trouble } = this.app.data.devices;
    if (!value) {
      return html`
        ${heading(t('devices.name'))}
        ${trouble ? problemCard(trouble, { retry: () => this.app.data.devices.refresh() }) : skeleton(12)}
      `;
    }
    const { devices } = value;
    return html`
      ${heading(this.#sentence(devices), devices.length > 0 ? t('devices.lead') : undefined)}
      ${devices.length === 0 ? this.#empty() : this.#all(devices)}
    `;
  }

  #sentence(devices: readonly Device[]): string {
    if (devices.length === 0) return t('devices.none');
    const bad = devices.filter((device) => standing(device).tone === 'bad').length;
    if (bad > 0) return t('devices.sentence_bad', { count: bad });
    return t('devices.sentence', { count: devices.length });
  }

  #empty(): TemplateResult {
    return empty({
      icon: mdiDevices,
      title: t('devices.empty_title'),
      text: t('devices.empty_text'),
      action: html`<div class="actions">
        ${linkButton(t('devices.find'), '#/devices/find', true)}
        ${linkButton(t('devices.add_by_hand'), '#/devices/new')}
        ${linkButton(t('devices.import'), '#/devices/import')}
      </div>`,
    });
  }

  #all(devices: readonly Device[]): TemplateResult {
    const operations = this.app.data.operations.value?.operations ?? [];
    const wanted = this.#wanted.toLowerCase();
    const found = devices.filter(({ name, kind_name, identity, settings }) =>
      [name, kind_name, identity.model ?? '', String(settings.address ?? '')].some((text) =>
        text.toLowerCase().includes(wanted),
      ),
    );
    return html`
      <div class="actions start">
        ${button({ label: t('devices.back_up_all'), act: () => this.#backUpAll() })}
        <a class="button" href="#/devices/find">${icon(mdiMagnify)}<span>${t('devices.find')}</span></a>
        <a class="button" href="#/devices/new">${icon(mdiPlus)}<span>${t('devices.add_by_hand')}</span></a>
        <a class="button" href="#/devices/import">${icon(mdiTableArrowLeft)}<span>${t('devices.import')}</span></a>
      </div>
      ${
        devices.length >= SEARCHED_FROM
          ? html`<search>
              ${field({
                id: 'search',
                label: t('devices.search'),
                value: this.#wanted,
                type: 'search',
                input: (text) => {
                  this.#wanted = text.trim();
                  this.requestUpdate();
                },
              })}
              <p class="quiet small" role="status">${wanted ? t('devices.found_count', { count: found.length }) : nothing}</p>
            </search>`
          : nothing
      }
      <ul class="cards">
        ${repeat(
          byUrgency(found),
          ({ id }) => id,
          (device) => deviceCard(this.app, device, operations),
        )}
      </ul>
    `;
  }

  async #backUpAll(): Promise<void> {
    try {
      await this.app.api.post(PATHS.command, { params: { command: 'back_up_devices' }, body: {} });
      this.app.toasts.say(t('devices.all_begun'));
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }
}

customElements.define('hs-devices', DevicesPage);
