import { mdiEyeOffOutline, mdiEyeOutline } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { live } from 'lit/directives/live.js';
import type { Field } from '../../contract/index.ts';
import { fieldWords, t } from '../words/index.ts';
import { icon } from './icon.ts';
import { shape } from './status.ts';

export type FieldValue = string | number | boolean;

interface FieldOptions {
  /** Unique on the page. */
  readonly id: string;
  readonly label: string;
  readonly value: FieldValue;
  readonly input: (value: string) => void;
  readonly type?: 'text' | 'secret' | 'multiline' | 'number' | 'url' | 'search';
  readonly help?: string | TemplateResult;
  /** What is wrong with what stands there. */
  readonly error?: string | undefined;
  readonly required?: boolean;
  /** It need not be filled in, and that goes without saying. */
  readonly unmarked?: boolean;
  readonly placeholder?: string;
  /** As browsers and password managers understand it. */
  readonly autocomplete?: string;
  readonly unit?: string;
  /** What may be chosen, where more is possible, too. */
  readonly suggestions?: readonly string[];
  readonly spellcheck?: boolean;
}

/** What is said below a field: what it is for, and what is wrong. */
function below({ id, help, error }: Pick<FieldOptions, 'id' | 'help' | 'error'>): TemplateResult {
  return html`
    ${help ? html`<p class="help" id="${id}-help">${help}</p>` : nothing}
    <p class="field-error" id="${id}-error" aria-live="polite">${error ? html`${shape('bad')}${error}` : nothing}</p>
  `;
}

function toggleSecret(event: Event): void {
  const pressed = event.currentTarget as HTMLElement;
  const input = pressed.previousElementSibling as HTMLInputElement;
  const shown = input.type === 'password';
  input.type = shown ? 'text' : 'password';
  pressed.ariaPressed = String(shown);
}

/** A line, or some lines, that are typed. */
export function field(options: FieldOptions): TemplateResult {
  const { id, label, value, input, type = 'text', help, error, required, unit, suggestions = [] } = options;
  const unmarked = options.unmarked || type === 'search';
  const described = `${help ? `${id}-help ` : ''}${id}-error`;
  const changed = (event: Event) => input((event.target as HTMLInputElement).value);
  const common = {
    placeholder: options.placeholder ?? nothing,
    autocomplete: options.autocomplete ?? 'off',
    invalid: error ? 'true' : nothing,
  };
  const line = html`<input
    id=${id}
    name=${id}
    type=${type === 'secret' ? 'password' : type === 'search' ? 'search' : 'text'}
    inputmode=${type === 'number' ? 'decimal' : type === 'url' ? 'url' : nothing}
    .value=${live(String(value))}
    @input=${changed}
    placeholder=${common.placeholder}
    autocomplete=${common.autocomplete as never}
    autocapitalize="off"
    spellcheck="false"
    list=${suggestions.length > 0 ? `${id}-list` : nothing}
    aria-describedby=${described}
    aria-invalid=${common.invalid as never}
    ?required=${required}
  />`;
  const lines = html`<textarea
    id=${id}
    name=${id}
    rows="4"
    .value=${live(String(value))}
    @input=${changed}
    placeholder=${common.placeholder}
    spellcheck="false"
    aria-describedby=${described}
    aria-invalid=${common.invalid as never}
    ?required=${required}
  ></textarea>`;
  return html`
    <div class="field">
      <label for=${id}>${label}${required || unmarked ? nothing : html` <span class="quiet">${t('field.optional')}</span>`}</label>
      <div class="control">
        ${type === 'multiline' ? lines : line}
        ${
          type === 'secret'
            ? html`<button
                type="button"
                class="button bare reveal"
                aria-pressed="false"
                aria-label=${t('field.show', { label })}
                @click=${toggleSecret}
              >
                ${icon(mdiEyeOutline)}${icon(mdiEyeOffOutline)}
              </button>`
            : nothing
        }
        ${unit ? html`<span class="unit">${unit}</span>` : nothing}
      </div>
      ${
        suggestions.length > 0
          ? html`<datalist id="${id}-list">${suggestions.map((item) => html`<option value=${item}></option>`)}</datalist>`
          : nothing
      }
      ${below({ id, help: help ?? '', error })}
    </div>
  `;
}

interface ChoiceOptions {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly change: (value: string) => void;
  readonly help?: string;
  readonly error?: string | undefined;
}

/** One of some. */
export const choice = ({
  id,
  label,
  value,
  choices,
  change,
  help = '',
  error,
}: ChoiceOptions): TemplateResult => html`
  <div class="field">
    <label for=${id}>${label}</label>
    <div class="control">
      <select
        id=${id}
        name=${id}
        aria-describedby="${help ? `${id}-help ` : ''}${id}-error"
        @change=${(event: Event) => change((event.target as HTMLSelectElement).value)}
      >
        ${choices.map(
          (item) =>
            html`<option value=${item.value} ?selected=${item.value === value}>${item.label}</option>`,
        )}
      </select>
    </div>
    ${below({ id, help, error })}
  </div>
`;

interface SwitchOptions {
  readonly id: string;
  readonly label: string;
  readonly on: boolean;
  readonly change: (on: boolean) => void;
  readonly help?: string;
}

/** On or off. */
export const toggle = ({ id, label, on, change, help = '' }: SwitchOptions): TemplateResult => html`
  <div class="field switch">
    <input
      type="checkbox"
      id=${id}
      name=${id}
      .checked=${live(on)}
      aria-describedby=${help ? `${id}-help` : nothing}
      @change=${(event: Event) => change((event.target as HTMLInputElement).checked)}
    />
    <div>
      <label for=${id}>${label}</label>
      ${help ? html`<p class="help" id="${id}-help">${help}</p>` : nothing}
    </div>
  </div>
`;

interface SettingOptions {
  /** Below it stand the words of the field (`fields.<kind>`). */
  readonly kind: string;
  readonly field: Field;
  readonly value: FieldValue | undefined;
  readonly change: (value: FieldValue) => void;
  readonly error?: string | undefined;
  /** A secret that is there already, and stays when nothing is entered. */
  readonly kept?: boolean;
  readonly placeholder?: string;
  readonly suggestions?: readonly string[];
}

/** A number as it was typed, with a comma where one belongs; what is none stays text, and is refused. */
function readNumber(text: string): FieldValue {
  const value = Number(text.trim().replace(',', '.'));
  return text.trim() === '' || Number.isNaN(value) ? text : value;
}

/** A setting as the contract describes it. */
export function settingField(options: SettingOptions): TemplateResult {
  const { kind, field: setting, change, error, kept, placeholder, suggestions } = options;
  const { label, help, choices = {} } = fieldWords(kind, setting);
  const id = `field-${setting.name}`;
  const value = options.value ?? setting.default ?? '';
  if (setting.type === 'switch') return toggle({ id, label, help, on: value === true, change });
  if (setting.type === 'choice') {
    const offered = (setting.choices ?? []).map((name) => ({ value: name, label: choices[name] ?? name }));
    return choice({ id, label, help, error, value: String(value), choices: offered, change });
  }
  return field({
    id,
    label,
    help,
    error,
    value,
    type: setting.type,
    required: setting.required === true && !kept,
    unmarked: kept === true,
    input: (text) => change(setting.type === 'number' ? readNumber(text) : text),
    ...(setting.unit ? { unit: setting.unit } : {}),
    ...(setting.type === 'secret' ? { autocomplete: 'new-password' } : {}),
    ...(kept ? { placeholder: t('field.kept') } : placeholder ? { placeholder } : {}),
    ...(suggestions ? { suggestions } : {}),
  });
}
