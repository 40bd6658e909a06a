import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import {
  type Artefact,
  type ArtefactList,
  type Device,
  type Operation,
  PATHS,
} from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button, linkButton } from '../kit/button.ts';
import { confirm } from '../kit/dialog.ts';
import { back, heading } from '../kit/heading.ts';
import { problem, problemCard } from '../kit/problem.ts';
import { progress } from '../kit/progress.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import { Page } from '../shell/page.ts';
import { bytes, exact } from '../words/format.ts';
import { t } from '../words/index.ts';
import { backUpDevice, nextTime } from './card.ts';
import { identityFacts } from './identity.ts';
import { scheduleWords, standing, underWay, versions } from './words.ts';

/** A device: how it stands, and all that was saved of it. */
class DevicePage extends Page {
  static override properties = { app: { attribute: false }, device: {} };
  declare device: string;
  #history: readonly Artefact[] | undefined;
  #trouble: Trouble | undefined;
  /** What the history was fetched for: another backup, another fetch. */
  #fetchedFor = '';

  protected override watched() {
    return [this.app.data.devices, this.app.data.operations, this.app.data.kinds];
  }

  protected override render(): TemplateResult {
    const { devices } = this.app.data;
    const up = back(t('devices.name'), '#/devices');
    if (!devices.value) {
      return html`${up}${heading(t('devices.one'))}${devices.trouble ? problemCard(devices.trouble) : skeleton(16)}`;
    }
    const device = devices.value.devices.find(({ id }) => id === this.device);
    if (!device) return html`${up}${heading(t('devices.gone'))}`;
    void this.#fetch(device);
    const operations = this.app.data.operations.value?.operations ?? [];
    return html`
      ${up} ${heading(device.name, this.#lead(device))} ${this.#state(device, operations)} ${this.#saved(device)}
    `;
  }

  #lead({ kind_name, identity }: Device): string {
    return [kind_name, identity.model]
      .filter((part, at, all) => part && all.indexOf(part) === at)
      .join(' · ');
  }

  #state(device: Device, operations: readonly Operation[]): TemplateResult {
    const { tone, word } = standing(device, operations);
    const running = underWay(device, operations);
    // one thing to do: what is waited for comes before another attempt
    const isMended = this.#mend(device) !== nothing;
    const waits = !running && (isMended || device.given_up);
    const { id, name, problem: met, backed_up_at, changed_at, copies, kept_bytes } = device;
    return html`
      <section class="card" aria-label=${t('devices.state_title')}>
        ${
          running
            ? progress({ label: word, detail: running.done > 0 ? bytes(running.done) : '' })
            : html`<p>${status(tone, word)}</p>
                ${met ? problem(met) : nothing} ${this.#mend(device)}`
        }
        <dl class="facts">
          <dt>${t('devices.last')}</dt>
          <dd>${backed_up_at ? ago(backed_up_at) : t('devices.none_yet')}</dd>
          ${changed_at ? html`<dt>${t('devices.changed')}</dt><dd>${ago(changed_at)}</dd>` : nothing}
          <dt>${t('devices.next')}</dt>
          <dd>${nextTime(device)}${device.schedule === 'off' ? nothing : html`<span class="quiet"> · ${scheduleWords(device.schedule)}</span>`}</dd>
          <dt>${t('devices.kept')}</dt>
          <dd>${versions(device)}${device.artefacts > 0 ? html` · ${bytes(kept_bytes)}` : nothing}</dd>
          <dt>${t('devices.off_site')}</dt>
          <dd>${copies > 0 ? t('devices.copies', { count: copies }) : t('devices.no_copies')}</dd>
        </dl>
        <details class="more">
          <summary>${t('devices.identity.title')}</summary>
          ${identityFacts(device.identity)}
        </details>
        <div class="actions start">
          ${button({ label: t('devices.back_up'), primary: !waits, disabled: running !== undefined, act: () => backUpDevice(this.app, id) })}
          ${linkButton(t('devices.edit'), `#/devices/${id}/edit`, waits && !isMended)}
          ${button({ label: t('devices.remove'), danger: true, act: () => this.#remove(id, name) })}
        </div>
      </section>
    `;
  }

  /** The one thing that a person can do about it. */
  #mend(device: Device): TemplateResult | typeof nothing {
    if (device.problem?.code === 'device_replaced') {
      return html`<div class="actions start">
        ${button({ label: t('devices.replaced'), primary: true, act: () => this.#patch(device, { replaced: true }) })}
      </div>`;
    }
    if (device.problem?.code === 'device_pin') {
      return html`<div class="actions start">
        ${button({ label: t('devices.trust'), primary: true, act: () => this.#patch(device, { settings: {} }) })}
      </div>`;
    }
    return nothing;
  }

  #saved(device: Device): TemplateResult {
    const history = this.#history;
    const bad = history?.filter(({ good }) => !good) ?? [];
    const good = history?.filter((artefact) => artefact.good) ?? [];
    return html`
      <section class="section" aria-labelledby="saved">
        <h2 id="saved">${t('devices.history')}</h2>
        ${this.#trouble ? problemCard(this.#trouble) : nothing} ${history || this.#trouble ? nothing : skeleton(8)}
        ${history && good.length === 0 ? html`<p class="quiet">${t('devices.history_none')}</p>` : nothing}
        ${
          good.length > 0
            ? html`<ol class="card stack">
                ${repeat(
                  good,
                  ({ id }) => id,
                  (artefact) => this.#row(device, artefact),
                )}
              </ol>`
            : nothing
        }
      </section>
      ${
        bad.length > 0
          ? html`<section class="section" aria-labelledby="rejected">
              <h2 id="rejected">${t('devices.rejected')}</h2>
              <p class="quiet">${t('devices.rejected_text')}</p>
              <ol class="card stack">${bad.map((artefact) => this.#row(device, artefact))}</ol>
            </section>`
          : nothing
      }
    `;
  }

  #row(device: Device, artefact: Artefact): TemplateResult {
    const { id, made_at, seen_at, good, pinned, problem: met, files, added, removed } = artefact;
    const date = exact(new Date(made_at));
    return html`
      <li class="row">
        <div>
          <a class="strong" href="#/devices/${device.id}/saved/${id}">${date}</a>
          <p class="quiet small">
            ${t('devices.files', { count: files.length })} · ${bytes(artefact.bytes)}
            ${seen_at === made_at ? nothing : html` · ${t('devices.seen')} ${ago(seen_at)}`}
          </p>
          ${pinned ? html`<p class="small">${status('info', t('devices.pinned'))}</p>` : nothing}
          ${added !== null && removed !== null ? html`<p class="small">${t('devices.lines', { added, removed })}</p>` : nothing}
          ${met ? html`<p class="small">${status('bad', met.title)}</p>` : nothing}
        </div>
        <div class="actions start">
          ${
            good
              ? button({
                  label: t(pinned ? 'devices.unpin' : 'devices.pin'),
                  name: t(pinned ? 'devices.unpin_name' : 'devices.pin_name', { date }),
                  act: () => this.#pin(device, artefact),
                })
              : nothing
          }
        </div>
      </li>
    `;
  }

  async #fetch({ id, tried_at, artefacts, changed_at }: Device): Promise<void> {
    const key = [id, tried_at, artefacts, changed_at].join(' ');
    if (key === this.#fetchedFor) return;
    this.#fetchedFor = key;
    try {
      const params = { device_id: id };
      this.#history = (await this.app.api.get<ArtefactList>(PATHS.device_artefacts, { params })).artefacts;
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.requestUpdate();
  }

  async #pin({ id: device_id }: Device, { id: artefact_id, pinned }: Artefact): Promise<void> {
    try {
      const params = { device_id, artefact_id };
      await this.app.api.patch(PATHS.device_artefact, { params, body: { pinned: !pinned } });
      this.#fetchedFor = '';
      this.requestUpdate();
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }

  async #patch({ id: device_id }: Device, body: object): Promise<void> {
    try {
      await this.app.api.patch(PATHS.device, { params: { device_id }, body });
      await this.app.data.devices.refresh();
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }

  #remove(device_id: string, name: string): Promise<boolean> {
    return confirm({
      title: t('devices.remove_title', { name }),
      content: t('devices.remove_text'),
      verb: t('devices.remove'),
      danger: true,
      act: async () => {
        await this.app.api.delete(PATHS.device, { params: { device_id } });
        await this.app.data.devices.refresh();
        this.app.router.replace('/devices');
      },
    });
  }
}

customElements.define('hs-device', DevicePage);
