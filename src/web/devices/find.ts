import { html, nothing, type TemplateResult } from 'lit';
import { type FoundDevices, PATHS } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { busy } from '../kit/button.ts';
import { field } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem } from '../kit/problem.ts';
import { progress } from '../kit/progress.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';

type Found = FoundDevices['devices'][number];

/** Looks for devices: in the network and in Home Assistant, or at addresses that somebody pastes in. */
class FindDevices extends Page {
  #addresses = '';
  #found: FoundDevices | undefined;
  #trouble: Trouble | undefined;
  #looking = false;

  protected override watched() {
    return [this.app.data.devices];
  }

  protected override render(): TemplateResult {
    return html`
      ${back(t('devices.name'), '#/devices')} ${heading(t('devices.find_title'), t('devices.find_lead'))}
      <form class="card" novalidate @submit=${busy((event: Event) => this.#look(event))}>
        ${field({
          id: 'addresses',
          label: t('devices.addresses'),
          help: t('devices.addresses_help'),
          value: this.#addresses,
          type: 'multiline',
          input: (text) => {
            this.#addresses = text;
          },
        })}
        ${this.#trouble ? problem(this.#trouble) : nothing}
        <div class="actions start">
          <button type="submit" class="button primary"><span>${t('devices.look')}</span></button>
        </div>
        <div role="status">${this.#looking ? progress({ label: t('devices.looking') }) : nothing}</div>
      </form>
      ${this.#found ? this.#list(this.#found) : nothing}
    `;
  }

  #list({ devices, unknown }: FoundDevices): TemplateResult {
    return html`
      <section class="section" aria-labelledby="found">
        <h2 id="found" tabindex="-1">${t('devices.found_count', { count: devices.length })}</h2>
        ${devices.length === 0 ? html`<p>${t('devices.found_none')}</p>` : nothing}
        <ul class="card stack" ?hidden=${devices.length === 0}>${devices.map((one) => this.#row(one))}</ul>
        ${unknown.length > 0 ? html`<p class="quiet">${t('devices.unknown', { addresses: unknown.join(', ') })}</p>` : nothing}
      </section>
    `;
  }

  #row({ kind, kind_name, name, address, identity, source, known_as }: Found): TemplateResult {
    const query = new URLSearchParams({ address });
    const facts = [kind_name, identity.model, identity.firmware, address];
    return html`
      <li class="row">
        <div>
          <p class="strong">${name}</p>
          <p class="quiet small">${facts.filter((part, at) => part && facts.indexOf(part) === at).join(' · ')}</p>
          <p class="quiet small">${t(`devices.source.${source}`)}</p>
        </div>
        <div class="actions start">
          ${
            known_as
              ? html`${status('ok', t('devices.already'))}<a class="button" href="#/devices/${known_as}">${t('devices.open')}</a>`
              : html`<a class="button" href="#/devices/new/${kind}?${query.toString()}" aria-label=${t('devices.add_name', { name })}
                  >${t('devices.add')}</a
                >`
          }
        </div>
      </li>
    `;
  }

  async #look(event: Event): Promise<void> {
    event.preventDefault();
    this.#looking = true;
    this.#trouble = undefined;
    this.#found = undefined;
    this.requestUpdate();
    try {
      const body = { addresses: this.#addresses };
      this.#found = await this.app.api.post<FoundDevices>(PATHS.device_discover, { body });
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.#looking = false;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>('#found')?.focus();
  }
}

customElements.define('hs-find-devices', FindDevices);
