import { html, nothing, type TemplateResult } from 'lit';
import type { DescribedField, DeviceKindInfo } from '../../contract/index.ts';
import { choice, type FieldValue, field, toggle } from '../kit/field.ts';
import { t } from '../words/index.ts';
import { isWord, SCHEDULE_CHOICES } from './words.ts';

/** What stands in the fields of a device. */
export type Values = Readonly<Record<string, FieldValue>>;

interface FieldsOptions {
  readonly kind: DeviceKindInfo;
  readonly values: Values;
  readonly change: (name: string, value: FieldValue) => void;
  /** Secrets that stay where nothing is entered. */
  readonly kept?: readonly string[];
  /** It was sent with something missing: that is shown from then on. */
  readonly strict: boolean;
}

/** What stands in a field, or would without anybody having typed. */
export const standsIn = (one: DescribedField, values: Values): FieldValue => values[one.name] ?? one.default;

const isAsked = ({ fields }: DeviceKindInfo, one: DescribedField, values: Values): boolean => {
  const other = one.when && fields.find(({ name }) => name === one.when?.field);
  return !other || (one.when?.is.includes(String(standsIn(other, values))) ?? true);
};

const isMissing = (one: DescribedField, values: Values, kept: readonly string[]): boolean =>
  one.required && standsIn(one, values) === '' && !kept.includes(one.name);

/** Whether something that is needed is not there yet. */
export function isIncomplete(kind: DeviceKindInfo, values: Values, kept: readonly string[] = []): boolean {
  return kind.fields.some((one) => isAsked(kind, one, values) && isMissing(one, values, kept));
}

/** What is sent: what is asked for, and of secrets that are kept only what was typed. */
export function settingsOf(kind: DeviceKindInfo, values: Values, kept: readonly string[] = []): Values {
  return Object.fromEntries(
    kind.fields
      .filter((one) => isAsked(kind, one, values))
      .map((one): [string, FieldValue] => [one.name, standsIn(one, values)])
      .filter(([name, value]) => value !== '' || !kept.includes(name)),
  );
}

function draw(one: DescribedField, { values, change, kept = [], strict }: FieldsOptions): TemplateResult {
  const id = `field-${one.name}`;
  const { label, help, choices } = one;
  const value = standsIn(one, values);
  if (one.type === 'switch') {
    return toggle({ id, label, help, on: value === true, change: (on) => change(one.name, on) });
  }
  if (one.type === 'choice') {
    return choice({
      id,
      label,
      help,
      value: String(value),
      choices,
      change: (next) => change(one.name, next),
    });
  }
  const known = kept.includes(one.name);
  return field({
    id,
    label,
    help,
    value,
    type: one.type === 'lines' ? 'multiline' : one.type,
    required: one.required && !known,
    unmarked: known,
    error: strict && isMissing(one, values, kept) ? t('invalid.missing') : undefined,
    input: (text) => change(one.name, one.type === 'number' && /^-?\d+$/.test(text) ? Number(text) : text),
    ...(one.type === 'secret' ? { autocomplete: 'new-password' } : {}),
    ...(known ? { placeholder: t('field.kept') } : {}),
  });
}

/** The settings of a kind: what is needed, and behind "more settings" what seldom is. */
export function deviceFields(options: FieldsOptions): TemplateResult {
  const { kind, values, kept = [], strict } = options;
  const asked = kind.fields.filter((one) => isAsked(kind, one, values));
  const more = asked.filter(({ advanced }) => advanced);
  const open = strict && more.some((one) => isMissing(one, values, kept));
  return html`
    ${asked.filter(({ advanced }) => !advanced).map((one) => draw(one, options))}
    ${
      more.length > 0
        ? html`<details class="more" ?open=${open}>
            <summary>${t('form.more')}</summary>
            <div class="section">${more.map((one) => draw(one, options))}</div>
          </details>`
        : nothing
    }
  `;
}

/** When a device is backed up. */
export interface PlanValues {
  readonly schedule: string;
  readonly hours: string;
  readonly retry: boolean;
}

/** When it is backed up: a word, or what somebody types. */
export function planFields(plan: PlanValues, change: (change: Partial<PlanValues>) => void): TemplateResult {
  const chosen = isWord(plan.schedule) ? plan.schedule : 'other';
  return html`
    ${choice({
      id: 'schedule',
      label: t('devices.schedule.label'),
      value: chosen,
      choices: SCHEDULE_CHOICES.map((value) => ({ value, label: t(`devices.schedule.${value}`) })),
      change: (value) => change({ schedule: value === 'other' ? 'every 6 hours' : value }),
    })}
    ${
      chosen === 'other'
        ? field({
            id: 'schedule-other',
            label: t('devices.schedule.typed'),
            help: t('devices.schedule.typed_help'),
            value: plan.schedule,
            required: true,
            input: (schedule) => change({ schedule }),
          })
        : nothing
    }
    <details class="more">
      <summary>${t('devices.schedule.more')}</summary>
      <div class="section">
        ${field({
          id: 'hours',
          label: t('devices.schedule.hours_label'),
          help: t('devices.schedule.hours_help'),
          value: plan.hours,
          placeholder: '01:00-04:30',
          input: (hours) => change({ hours }),
        })}
        ${toggle({
          id: 'retry',
          label: t('devices.schedule.retry'),
          help: t('devices.schedule.retry_help'),
          on: plan.retry,
          change: (retry) => change({ retry }),
        })}
      </div>
    </details>
  `;
}
