import { html, nothing, type TemplateResult } from 'lit';
import type { Field, Provider } from '../../contract/index.ts';
import { type FieldValue, settingField } from '../kit/field.ts';
import { t } from '../words/index.ts';
import { isAsked, type Values } from './preset.ts';

interface FormOptions {
  readonly kind: 's3' | 'folder';
  readonly fields: readonly Field[];
  readonly provider?: Provider | undefined;
  readonly values: Values;
  readonly change: (name: string, value: FieldValue) => void;
  /** What is wrong, by field, as far as it is to be said already. */
  readonly faults: Readonly<Record<string, string>>;
  /** An existing target: its secrets stay where nothing is entered. */
  readonly existing?: boolean;
}

function suggestionsFor({ name }: Field, provider: Provider | undefined): readonly string[] {
  if (name === 'storage_class') return provider?.storage_classes.map((each) => each.name) ?? [];
  return name === 'region' ? (provider?.regions ?? []) : [];
}

/** The settings of a target: what is needed, and behind "more settings" what seldom is. */
export function targetFields(options: FormOptions): TemplateResult {
  const { kind, fields, provider, values, change, faults, existing = false } = options;
  const draw = (field: Field) =>
    isAsked(field, values)
      ? settingField({
          kind,
          field,
          value: values[field.name],
          change: (value) => change(field.name, value),
          error: faults[field.name],
          kept: existing && field.type === 'secret',
          suggestions: suggestionsFor(field, provider),
        })
      : nothing;
  const more = fields.filter(({ advanced }) => advanced);
  // whatever is wrong must be seen
  const open = more.some(({ name }) => faults[name]);
  return html`
    ${fields.filter(({ advanced }) => !advanced).map(draw)}
    ${
      more.length > 0
        ? html`<details class="more" ?open=${open}>
            <summary>${t('form.more')}</summary>
            <div class="section">${more.map(draw)}</div>
          </details>`
        : nothing
    }
  `;
}
