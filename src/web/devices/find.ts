import { html, nothing, type TemplateResult } from 'lit';
import { type Device, type DeviceKindInfo, type FoundDevices, PATHS } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { busy, button } from '../kit/button.ts';
import { field } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem } from '../kit/problem.ts';
import { progress } from '../kit/progress.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { isIncomplete, settingsOf } from './form.ts';

type Found = FoundDevices['devices'][number];

/** So many are tried and added at once. */
const AT_ONCE = 4;

/** What became of one that was to be added with the others. */
type Outcome = { readonly id: string } | { readonly trouble: Trouble } | 'trying';

/** Looks for devices: in the network and in Home Assistant, or at addresses that somebody pastes in. */
class FindDevices extends Page {
  #addresses = '';
  #found: FoundDevices | undefined;
  #trouble: Trouble | undefined;
  #looking = false;
  readonly #outcomes = new Map<Found, Outcome>();
  #adding: { done: number; readonly total: number } | undefined;

  protected override watched() {
    return [this.app.data.devices, this.app.data.kinds];
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
        ${devices.length === 0 ? html`<p>${t('devices.found_none')}</p>` : nothing} ${this.#all(devices)}
        <ul class="card stack" ?hidden=${devices.length === 0}>${devices.map((one) => this.#row(one))}</ul>
        ${unknown.length > 0 ? html`<p class="quiet">${t('devices.unknown', { addresses: unknown.join(', ') })}</p>` : nothing}
      </section>
    `;
  }

  /** Where several need nothing but their address, one click adds them all. */
  #all(devices: readonly Found[]): TemplateResult {
    const addable = devices.filter((one) => this.#isAddable(one));
    const added = [...this.#outcomes.values()].filter(
      (outcome) => typeof outcome === 'object' && 'id' in outcome,
    );
    const { done = 0, total = 0 } = this.#adding ?? {};
    return html`
      ${
        addable.length > 1 && !this.#adding
          ? html`<div class="actions start">
              ${button({
                label: t('devices.add_all', { count: addable.length }),
                primary: true,
                act: () => this.#addAll(addable),
              })}
            </div>`
          : nothing
      }
      <div role="status">
        ${this.#adding ? progress({ label: t('devices.adding'), done, total, detail: `${done} / ${total}` }) : nothing}
        ${!this.#adding && added.length > 0 ? html`<p>${t('devices.added_count', { count: added.length })}</p>` : nothing}
      </div>
    `;
  }

  #kindOf(found: Found): DeviceKindInfo | undefined {
    return this.app.data.kinds.value?.kinds.find(({ kind }) => kind === found.kind);
  }

  /** It is new, and its kind asks for nothing else. */
  #isAddable(found: Found): boolean {
    const kind = this.#kindOf(found);
    const { address } = found;
    return !!kind && !found.known_as && !this.#outcomes.has(found) && !isIncomplete(kind, { address });
  }

  #row(found: Found): TemplateResult {
    const { kind_name, name, address, identity, source } = found;
    const facts = [kind_name, identity.model, identity.firmware, address];
    const outcome = this.#outcomes.get(found);
    return html`
      <li class="row">
        <div>
          <p class="strong">${name}</p>
          <p class="quiet small">${facts.filter((part, at) => part && facts.indexOf(part) === at).join(' · ')}</p>
          <p class="quiet small">${t(`devices.source.${source}`)}</p>
          ${typeof outcome === 'object' && 'trouble' in outcome ? problem(outcome.trouble) : nothing}
        </div>
        <div class="actions start">${this.#next(found, outcome)}</div>
      </li>
    `;
  }

  /** What can be done with one that was found. */
  #next({ kind, name, address, known_as }: Found, outcome: Outcome | undefined): TemplateResult {
    if (outcome === 'trying') return status('busy', t('devices.adding'));
    const added = outcome && 'id' in outcome ? outcome.id : undefined;
    const there = added ?? known_as;
    if (there) {
      return html`${status('ok', t(added ? 'devices.outcome.added' : 'devices.already'))}<a
          class="button"
          href="#/devices/${there}"
          aria-label=${t('devices.open_name', { name })}
          >${t('devices.open')}</a
        >`;
    }
    const query = new URLSearchParams({ address });
    return html`<a class="button" href="#/devices/new/${kind}?${query.toString()}" aria-label=${t('devices.add_name', { name })}
      >${t('devices.add')}</a
    >`;
  }

  async #addAll(devices: readonly Found[]): Promise<void> {
    const adding = { done: 0, total: devices.length };
    this.#adding = adding;
    const waiting = [...devices];
    const work = async () => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        await this.#add(next);
        adding.done += 1;
        this.requestUpdate();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    await this.app.data.devices.refresh();
    this.#adding = undefined;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>('#found')?.focus();
  }

  async #add(found: Found): Promise<void> {
    const kind = this.#kindOf(found);
    if (!kind) return;
    const { name, address } = found;
    this.#outcomes.set(found, 'trying');
    this.requestUpdate();
    try {
      const body = { kind: kind.kind, name, settings: settingsOf(kind, { address }) };
      const { id } = await this.app.api.post<Device>(PATHS.devices, { body });
      this.#outcomes.set(found, { id });
    } catch (error) {
      this.#outcomes.set(found, { trouble: toTrouble(error) });
    }
  }

  async #look(event: Event): Promise<void> {
    event.preventDefault();
    this.#looking = true;
    this.#trouble = undefined;
    this.#found = undefined;
    this.#outcomes.clear();
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
