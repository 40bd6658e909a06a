import { html, nothing, type TemplateResult } from 'lit';
import * as v from 'valibot';
import { ExportRequest, type ImportReport, ImportRequest, PATHS } from '../../contract/index.ts';
import { confirm } from '../kit/dialog.ts';
import { field } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { saveFile } from '../kit/save-file.ts';
import { shape } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { fileField, readBase64 } from './file-field.ts';
import { top } from './page.ts';
import { parts } from './parts.ts';

/** The passphrase again, so that nobody locks a file with a slip of the finger: it is the same, or missing. */
const ExportForm = v.object({ ...ExportRequest.entries, again: v.pipe(v.string(), v.minLength(1)) });

/** Everything that is set, in one sealed file; and back from such a file. */
class MovePage extends Page {
  #export = this.#freshExport();
  readonly #import = new Form<{ file: File | ''; passphrase: string }, { file: File; passphrase: string }>({
    host: this,
    schema: v.object({ file: v.instance(File), passphrase: ImportRequest.entries.passphrase }),
    values: { file: '', passphrase: '' },
  });
  #report: ImportReport | undefined;

  protected override watched() {
    return [];
  }

  protected override render(): TemplateResult {
    return html`
      ${top(t('settings.move.title'), t('settings.move.lead'))}
      <section class="card">
        <h2>${t('settings.move.export')}</h2>
        <p>${t('settings.move.export_text')}</p>
        ${this.#drawExport()}
      </section>
      <section class="card">
        <h2>${t('settings.move.import')}</h2>
        <p>${t('settings.move.import_text')}</p>
        <div role="status">${this.#report ? this.#cameBack(this.#report) : nothing}</div>
        ${this.#drawImport()}
      </section>
    `;
  }

  #drawExport(): TemplateResult {
    const form = this.#export;
    const content = html`
      ${field({
        id: 'passphrase',
        label: t('settings.move.passphrase'),
        help: t('session.first.password_help'),
        error: form.wrong('passphrase') ? t('session.first.short') : undefined,
        value: form.values.passphrase,
        type: 'secret',
        required: true,
        autocomplete: 'new-password',
        input: (passphrase) => form.set({ passphrase }),
      })}
      ${field({
        id: 'again',
        label: t('settings.move.again'),
        error: form.wrong('again') ? t('settings.move.differs') : undefined,
        value: form.values.again,
        type: 'secret',
        required: true,
        autocomplete: 'new-password',
        input: (again) => form.set({ again }),
      })}
    `;
    return form.render({
      content,
      verb: t('settings.move.export_act'),
      meanwhile: t('settings.move.sealing'),
      act: ({ passphrase }) => this.#download(passphrase),
    });
  }

  #drawImport(): TemplateResult {
    const form = this.#import;
    const content = html`
      ${fileField({
        id: 'file',
        label: t('settings.move.file'),
        error: form.wrong('file') ? t('settings.move.file_missing') : undefined,
        accept: '.age',
        change: (file) => form.set({ file: file ?? '' }),
      })}
      ${field({
        id: 'import-passphrase',
        label: t('settings.move.its_passphrase'),
        error: form.wrong('passphrase') ? t('settings.move.passphrase_missing') : undefined,
        value: form.values.passphrase,
        type: 'secret',
        required: true,
        input: (passphrase) => form.set({ passphrase }),
      })}
    `;
    return form.render({
      content,
      verb: t('settings.move.import_act'),
      act: (body) => this.#takeOver(body),
    });
  }

  #freshExport() {
    return new Form({
      host: this,
      schema: ExportForm,
      values: { passphrase: '', again: '' },
      body: ({ passphrase, again }) => ({ passphrase, again: again === passphrase ? again : '' }),
    });
  }

  async #download(passphrase: string): Promise<void> {
    const response = await this.app.api.file('POST', PATHS.export, { body: { passphrase } });
    const named = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '');
    saveFile(named?.[1] ?? 'homestash.age', await response.blob());
    this.#export = this.#freshExport();
    this.app.toasts.say(t('settings.move.exported'));
  }

  async #takeOver({ file, passphrase }: { file: File; passphrase: string }): Promise<void> {
    this.#report = undefined;
    await confirm({
      title: t('settings.move.import_title', { name: file.name }),
      content: t('settings.move.import_warning'),
      verb: t('settings.move.import_act'),
      danger: true,
      act: async () => {
        const body = { passphrase, file: await readBase64(file) };
        this.#report = await this.app.api.post<ImportReport>(PATHS.import, { body });
      },
    });
  }

  #cameBack({ targets: count, settings }: ImportReport): TemplateResult {
    const list = parts(settings, [t('settings.move.targets', { count })]);
    return html`<p class="problem">
      ${shape('ok')}<span><span class="strong">${t('settings.move.done')}</span> ${t('settings.move.back', { list })}</span>
    </p>`;
  }
}

customElements.define('hs-move', MovePage);
