import { mdiDownload } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import {
  type Artefact,
  type ArtefactList,
  type Device,
  type Difference,
  PATHS,
} from '../../contract/index.ts';
import { address } from '../api/client.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button, linkButton } from '../kit/button.ts';
import { confirm } from '../kit/dialog.ts';
import { choice } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { icon } from '../kit/icon.ts';
import { problem, problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { bytes, exact } from '../words/format.ts';
import { t } from '../words/index.ts';
import { fileDifference } from './difference.ts';

/** One saved configuration: its files, what is different in it, and the way back onto the device. */
class SavedPage extends Page {
  static override properties = { app: { attribute: false }, device: {}, artefact: {} };
  declare device: string;
  declare artefact: string;
  #history: readonly Artefact[] | undefined;
  #difference: Difference | undefined;
  #trouble: Trouble | undefined;
  #fetched = '';

  protected override watched() {
    return [this.app.data.devices, this.app.data.kinds];
  }

  protected override render(): TemplateResult {
    const device = this.app.data.devices.value?.devices.find(({ id }) => id === this.device);
    const up = back(device?.name ?? t('devices.one'), `#/devices/${this.device}`);
    void this.#fetch();
    const artefact = this.#history?.find(({ id }) => id === this.artefact);
    if (!artefact || !device) {
      const rest = this.#trouble
        ? problemCard(this.#trouble, { retry: () => this.#again() })
        : this.#history
          ? nothing
          : skeleton(12);
      return html`${up}${heading(t(this.#history && device ? 'devices.saved_gone' : 'devices.saved_one'))}${rest}`;
    }
    return html`
      ${up} ${heading(t('devices.saved_title', { date: exact(new Date(artefact.made_at)) }), device.name)}
      ${this.#files(device, artefact)} ${this.#changes(artefact)}
    `;
  }

  #files(device: Device, artefact: Artefact): TemplateResult {
    const info = this.app.data.kinds.value?.kinds.find(({ kind }) => kind === device.kind);
    const { id, good, problem: met, files } = artefact;
    const newest = this.#history?.find((other) => other.good)?.id === id;
    return html`
      <section class="card" aria-labelledby="files">
        <h2 id="files">${t('devices.files', { count: files.length })}</h2>
        ${met ? problem(met) : nothing}
        <ul class="stack">
          ${files.map(
            ({ number, name, size }) => html`<li class="row">
              <div>
                <p class="strong">${name}</p>
                <p class="quiet small">${bytes(size)}</p>
              </div>
              <a
                class="button"
                download
                href=${address(PATHS.device_file, { device_id: device.id, artefact_id: id, number: String(number) })}
                aria-label=${t('devices.download_name', { name })}
                >${icon(mdiDownload)}<span>${t('devices.download')}</span></a
              >
            </li>`,
          )}
        </ul>
        <div class="actions start">
          ${good && device.restorable ? linkButton(t('devices.write_back'), `#/devices/${device.id}/saved/${id}/restore`, true) : nothing}
          ${newest ? nothing : button({ label: t('act.delete'), danger: true, act: () => this.#delete() })}
        </div>
        ${
          info
            ? html`<details class="more" ?open=${!device.restorable}>
                <summary>${t('devices.guide')}</summary>
                <p>${info.guide}</p>
              </details>`
            : nothing
        }
      </section>
    `;
  }

  #changes(artefact: Artefact): TemplateResult {
    const others = this.#history?.filter(({ id, good }) => good && id !== artefact.id) ?? [];
    const difference = this.#difference;
    const known = difference?.from && others.some(({ id }) => id === difference.from);
    return html`
      <section class="section" aria-labelledby="changes">
        <h2 id="changes">${t('devices.difference.title')}</h2>
        ${
          others.length === 0
            ? html`<p class="quiet">${t('devices.difference.first')}</p>`
            : choice({
                id: 'against',
                label: t('devices.difference.against'),
                value: known ? (difference?.from ?? '') : '',
                choices: [
                  ...(known ? [] : [{ value: '', label: t('devices.difference.nothing') }]),
                  ...others.map(({ id, made_at }) => ({ value: id, label: exact(new Date(made_at)) })),
                ],
                change: (from) => void this.#compare(from),
              })
        }
        ${
          difference && (difference.from || others.length > 0)
            ? difference.files.map(fileDifference)
            : others.length > 0
              ? skeleton(6)
              : nothing
        }
        ${difference ? html`<p class="quiet small">${t('devices.difference.masked')}</p>` : nothing}
      </section>
    `;
  }

  async #fetch(): Promise<void> {
    const key = `${this.device} ${this.artefact}`;
    if (key === this.#fetched) return;
    this.#fetched = key;
    this.#history = undefined;
    this.#difference = undefined;
    this.#trouble = undefined;
    try {
      const params = { device_id: this.device };
      this.#history = (await this.app.api.get<ArtefactList>(PATHS.device_artefacts, { params })).artefacts;
      this.requestUpdate();
      await this.#compare();
    } catch (error) {
      this.#trouble = toTrouble(error);
      this.requestUpdate();
    }
  }

  /** The next look at the page fetches it. */
  #again(): void {
    this.#fetched = '';
    this.requestUpdate();
  }

  async #compare(from?: string): Promise<void> {
    try {
      this.#difference = await this.app.api.get<Difference>(PATHS.device_difference, {
        params: { device_id: this.device, artefact_id: this.artefact },
        ...(from ? { query: { from } } : {}),
      });
    } catch (error) {
      this.app.toasts.fail(error);
    }
    this.requestUpdate();
  }

  #delete(): Promise<boolean> {
    return confirm({
      title: t('devices.delete_title'),
      content: t('devices.delete_text'),
      verb: t('act.delete'),
      danger: true,
      act: async () => {
        const params = { device_id: this.device, artefact_id: this.artefact };
        await this.app.api.delete(PATHS.device_artefact, { params });
        void this.app.data.devices.refresh();
        this.app.router.replace(`/devices/${this.device}`);
      },
    });
  }
}

customElements.define('hs-saved', SavedPage);
