import { html, nothing, type TemplateResult } from 'lit';
import type { LogEntry } from '../../contract/index.ts';
import { shape, type Tone } from '../kit/status.ts';
import { locale, t } from '../words/index.ts';

const TONES: Readonly<Record<LogEntry['level'], Tone>> = {
  debug: 'off',
  info: 'info',
  warning: 'warn',
  error: 'bad',
};

const plain = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** All that a line says besides: `target_id=abc reason=…`. */
const details = ({ fields }: LogEntry): string =>
  Object.entries(fields)
    .map(([name, value]) => `${name}=${plain(value)}`)
    .join(' ');

/** A line as text, for who passes it on. */
export const toText = (entry: LogEntry): string =>
  [entry.time, entry.level.toUpperCase(), `${entry.scope}:`, entry.message, details(entry)].join(' ').trim();

const moment = (time: string): string =>
  new Intl.DateTimeFormat(locale(), { dateStyle: 'short', timeStyle: 'medium' }).format(new Date(time));

/** A line of the log. */
export function logLine(entry: LogEntry): TemplateResult {
  const more = details(entry);
  return html`<li>
    ${shape(TONES[entry.level])}
    <div>
      <p class="quiet small">
        <time datetime=${entry.time}>${moment(entry.time)}</time> · ${t(`settings.log.level.${entry.level}`)} ·
        ${entry.scope}
      </p>
      <p>${entry.message}</p>
      ${more ? html`<p class="code quiet">${more}</p>` : nothing}
    </div>
  </li>`;
}
