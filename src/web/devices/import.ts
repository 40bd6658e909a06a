import { html, nothing, type TemplateResult } from 'lit';
import { type DeviceImport, PATHS } from '../../contract/index.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { busy, button, linkButton } from '../kit/button.ts';
import { field } from '../kit/field.ts';
import { back, heading } from '../kit/heading.ts';
import { problem } from '../kit/problem.ts';
import { progress } from '../kit/progress.ts';
import { status, type Tone } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';

type Row = DeviceImport['rows'][number];

const TONES: Readonly<Record<Row['outcome'], Tone>> = {
  added: 'ok',
  valid: 'info',
  known: 'off',
  failed: 'bad',
};

const EXAMPLE = 'kind;name;address;schedule\nwled;Kitchen;192.168.1.40;daily';

/** Devices out of a table: looked at first, then added. */
class ImportDevices extends Page {
  #csv = '';
  #result: DeviceImport | undefined;
  #saved = false;
  #trouble: Trouble | undefined;
  #working = false;

  protected override watched() {
    return [this.app.data.devices];
  }

  protected override render(): TemplateResult {
    const valid = this.#result?.rows.filter(({ outcome }) => outcome === 'valid') ?? [];
    const count = this.#saved ? 0 : valid.length;
    return html`
      ${back(t('devices.name'), '#/devices')} ${heading(t('devices.import_title'), t('devices.import_lead'))}
      <form class="card" novalidate @submit=${busy((event: Event) => this.#submit(event))}>
        <div class="field">
          <label for="csv-file">${t('devices.import_file')}</label>
          <div class="control">
            <input id="csv-file" type="file" accept=".csv,.tsv,.txt,text/csv" @change=${(event: Event) => this.#read(event)} />
          </div>
        </div>
        ${field({
          id: 'csv',
          label: t('devices.import_table'),
          help: t('devices.import_help'),
          value: this.#csv,
          type: 'multiline',
          placeholder: EXAMPLE,
          required: true,
          input: (text) => this.#take(text),
        })}
        ${this.#trouble ? problem(this.#trouble) : nothing}
        <div class="actions start">
          <button type="submit" class="button ${count > 0 || this.#saved ? '' : 'primary'}"><span>${t('devices.import_look')}</span></button>
          ${count > 0 ? button({ label: t('devices.import_do', { count }), primary: true, act: () => this.#run(true) }) : nothing}
          ${this.#saved ? linkButton(t('devices.name'), '#/devices', true) : nothing}
        </div>
        <div role="status">${this.#working ? progress({ label: t('devices.trying') }) : nothing}</div>
      </form>
      ${this.#result ? this.#table(this.#result) : nothing}
    `;
  }

  #table({ rows }: DeviceImport): TemplateResult {
    return html`
      <section class="section" aria-labelledby="import-result">
        <h2 id="import-result" tabindex="-1">${t('devices.import_lines', { count: rows.length })}</h2>
        <ol class="card stack">
          ${rows.map(
            ({ line, name, kind, outcome, problem: met }) => html`<li class="row">
              <div>
                <p class="strong">${name || t('devices.import_line', { line })}</p>
                <p class="quiet small">${name ? html`${t('devices.import_line', { line })} · ` : nothing}${kind}</p>
                ${met ? html`<p class="small">${met.title} ${met.hint}</p>` : nothing}
              </div>
              <p>${status(TONES[outcome], t(`devices.outcome.${outcome}`))}</p>
            </li>`,
          )}
        </ol>
      </section>
    `;
  }

  #take(csv: string): void {
    this.#csv = csv;
    this.#result = undefined;
    this.#saved = false;
    this.requestUpdate();
  }

  async #read(event: Event): Promise<void> {
    const [file] = (event.target as HTMLInputElement).files ?? [];
    if (file) this.#take(await file.text());
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault();
    await this.#run(false);
  }

  async #run(save: boolean): Promise<void> {
    this.#working = true;
    this.#trouble = undefined;
    this.requestUpdate();
    try {
      this.#result = await this.app.api.post<DeviceImport>(PATHS.device_import, {
        body: { csv: this.#csv, save },
      });
      this.#saved = save;
      if (save) void this.app.data.devices.refresh();
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.#working = false;
    this.requestUpdate();
    await this.updateComplete;
    this.querySelector<HTMLElement>('#import-result')?.focus();
  }
}

customElements.define('hs-import-devices', ImportDevices);
