import { html, nothing, type TemplateResult } from 'lit';
import { type Device, type DeviceKindInfo, type DeviceTest, PATHS } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { busy, button } from '../kit/button.ts';
import { type FieldValue, field } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem, problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { deviceFields, isIncomplete, type PlanValues, planFields, settingsOf, type Values } from './form.ts';
import { identityFacts } from './identity.ts';

/** The kinds there are, to choose from. */
class DeviceKinds extends Page {
  #wanted = '';

  protected override watched() {
    return [this.app.data.kinds];
  }

  protected override render(): TemplateResult {
    const { value, trouble } = this.app.data.kinds;
    const wanted = this.#wanted.toLowerCase();
    const fits = ({ name, about }: DeviceKindInfo) => `${name} ${about}`.toLowerCase().includes(wanted);
    return html`
      ${back(t('devices.name'), '#/devices')} ${heading(t('devices.add_title'), t('devices.add_lead'))}
      ${
        value
          ? html`
              <search>
                ${field({
                  id: 'kind-search',
                  label: t('devices.kind_search'),
                  value: this.#wanted,
                  type: 'search',
                  input: (text) => {
                    this.#wanted = text.trim();
                    this.requestUpdate();
                  },
                })}
              </search>
              <p role="status">${value.kinds.some(fits) ? nothing : t('devices.kinds_none')}</p>
              <ul class="cards">
                ${value.kinds.filter(fits).map(
                  ({ kind, name, about }) => html`<li>
                    <a class="card kind" href="#/devices/new/${kind}"
                      ><span class="strong">${name}</span><span class="quiet small">${about}</span></a
                    >
                  </li>`,
                )}
              </ul>
            `
          : trouble
            ? problemCard(trouble, { retry: () => this.app.data.kinds.refresh() })
            : skeleton(12)
      }
    `;
  }
}

/** A new device: what its kind asks for, tried before it is kept. */
class AddDevice extends Page {
  static override properties = { app: { attribute: false }, kind: {} };
  declare kind: string;
  #values: Values | undefined;
  #name = '';
  #plan: PlanValues = { schedule: 'daily', hours: '', retry: true };
  #strict = false;
  #test: DeviceTest | undefined;
  #trouble: Trouble | undefined;
  #trying = false;

  protected override watched() {
    return [this.app.data.kinds];
  }

  get #info(): DeviceKindInfo | undefined {
    return this.app.data.kinds.value?.kinds.find(({ kind }) => kind === this.kind);
  }

  protected override render(): TemplateResult {
    const info = this.#info;
    const up = back(t('devices.add_title'), '#/devices/new');
    if (!info) {
      const { trouble, value } = this.app.data.kinds;
      const missing = trouble ? problemCard(trouble) : value ? nothing : skeleton(12);
      return html`${up}${heading(t('devices.add_title'))}${missing}`;
    }
    // what was found brings its address along
    const address = this.app.router.query.get('address');
    this.#values ??= address ? { address } : {};
    const values = this.#values;
    return html`
      ${up} ${heading(info.name, info.about)}
      <form class="card" novalidate @submit=${busy((event: Event) => this.#submit(event, info))}>
        ${deviceFields({
          kind: info,
          values,
          strict: this.#strict,
          change: (name, value) => this.#change(name, value),
        })}
        ${field({
          id: 'device-name',
          label: t('form.name'),
          help: t('devices.name_help'),
          value: this.#name,
          placeholder: this.#test?.name ?? '',
          input: (text) => {
            this.#name = text;
          },
        })}
        ${planFields(this.#plan, (change) => {
          this.#plan = { ...this.#plan, ...change };
          this.requestUpdate();
        })}
        <div role="status">${this.#outcome()}</div>
        ${this.#trouble ? problem(this.#trouble) : nothing}
        <div class="actions start">
          <button type="submit" class="button primary"><span>${t('devices.add')}</span></button>
          ${button({ label: t('devices.test'), act: () => this.#try(info) })}
        </div>
        <p class="quiet meanwhile" role="status">${this.#trying ? t('devices.trying') : nothing}</p>
      </form>
      <section class="card">
        <details class="more">
          <summary>${t('devices.guide')}</summary>
          <p>${info.guide}</p>
        </details>
      </section>
    `;
  }

  #outcome(): TemplateResult | typeof nothing {
    const test = this.#test;
    if (!test) return nothing;
    if (test.problem) return problem(test.problem);
    return html`
      <p>${status(test.known_as ? 'info' : 'ok', t(test.known_as ? 'devices.already' : 'devices.answers'))}</p>
      ${test.identity ? identityFacts(test.identity) : nothing}
    `;
  }

  #change(name: string, value: FieldValue): void {
    this.#values = { ...this.#values, [name]: value };
    this.#test = undefined;
    this.requestUpdate();
  }

  async #complete(info: DeviceKindInfo): Promise<boolean> {
    this.#trouble = undefined;
    this.#strict = isIncomplete(info, this.#values ?? {});
    this.requestUpdate();
    await this.updateComplete;
    if (!this.#strict) return true;
    this.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
    return false;
  }

  async #try(info: DeviceKindInfo): Promise<void> {
    if (!(await this.#complete(info))) return;
    await this.#meanwhile(async () => {
      const settings = settingsOf(info, this.#values ?? {});
      const body = { kind: info.kind, settings };
      this.#test = await this.app.api.post<DeviceTest>(PATHS.device_test, { body });
    });
  }

  async #submit(event: Event, info: DeviceKindInfo): Promise<void> {
    event.preventDefault();
    if (!(await this.#complete(info))) return;
    await this.#meanwhile(async () => {
      const name = this.#name.trim();
      const settings = settingsOf(info, this.#values ?? {});
      const body = { kind: info.kind, settings, ...this.#plan, ...(name ? { name } : {}) };
      const { id } = await this.app.api.post<Device>(PATHS.devices, { body });
      await this.app.data.devices.refresh();
      this.app.toasts.say(t('devices.added'));
      this.app.router.replace(`/devices/${id}`);
    });
  }

  async #meanwhile(work: () => Promise<void>): Promise<void> {
    this.#trying = true;
    this.#test = undefined;
    this.requestUpdate();
    try {
      await work();
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.#trying = false;
    this.requestUpdate();
  }
}

customElements.define('hs-device-kinds', DeviceKinds);
customElements.define('hs-add-device', AddDevice);
