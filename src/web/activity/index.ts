import { mdiHistory } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { type Happening, type JournalPage, PATHS } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { empty } from '../kit/empty.ts';
import { choice } from '../kit/field.ts';
import { heading } from '../kit/heading.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { shape, type Tone } from '../kit/status.ts';
import { Page } from '../shell/page.ts';
import { exact, wholeDay } from '../words/format.ts';
import { locale, t } from '../words/index.ts';
import './under-way.ts';

/** What is over, and what has arrived, is good news. */
const GOOD: readonly string[] = ['backup_stored', 'problem_over'];

const TONES: Readonly<Record<Happening['severity'], Tone>> = { error: 'bad', warning: 'warn', info: 'info' };

const toneOf = ({ code, severity }: Happening): Tone => (GOOD.includes(code) ? 'ok' : TONES[severity]);

/** What happened, newest first, day by day. */
class ActivityPage extends Page {
  /** What somebody wanted to see beyond the newest. */
  #older: Happening[] = [];
  #next: number | null | undefined;
  #problemsOnly = false;

  protected override watched() {
    return [this.app.data.journal];
  }

  protected override render(): TemplateResult {
    const { value, trouble } = this.app.data.journal;
    return html`
      ${heading(t('activity.title'), t('activity.lead'))}
      <hs-under-way .app=${this.app}></hs-under-way>
      ${
        value
          ? this.#all(value)
          : trouble
            ? problemCard(trouble, { retry: () => this.app.data.journal.refresh() })
            : skeleton(12)
      }
    `;
  }

  #all({ entries: newest, next }: JournalPage): TemplateResult {
    if (newest.length === 0) {
      return empty({ icon: mdiHistory, title: t('activity.empty'), text: t('activity.lead') });
    }
    const last = newest.at(-1)?.id ?? 0;
    const all = [...newest, ...this.#older.filter(({ id }) => id < last)];
    const shown = this.#problemsOnly ? all.filter(({ severity }) => severity !== 'info') : all;
    const more = this.#next === undefined ? next : this.#next;
    return html`
      ${choice({
        id: 'filter',
        label: t('activity.filter'),
        value: String(this.#problemsOnly),
        choices: [
          { value: 'false', label: t('activity.all') },
          { value: 'true', label: t('activity.problems') },
        ],
        change: (value) => {
          this.#problemsOnly = value === 'true';
          this.requestUpdate();
        },
      })}
      ${shown.length === 0 ? html`<p class="quiet" role="status">${t('activity.none_bad')}</p>` : nothing}
      ${[...byDay(shown)].map(([day, entries]) => this.#day(day, entries))}
      ${
        more === null
          ? nothing
          : html`<div class="actions start">
              ${button({ label: t('activity.more'), act: () => this.#load(more) })}
            </div>`
      }
    `;
  }

  #day(day: string, entries: readonly Happening[]): TemplateResult {
    return html`
      <section class="section">
        <h2>${day}</h2>
        <ol class="card stack happenings">
          ${repeat(entries, ({ id }) => id, happening)}
        </ol>
      </section>
    `;
  }

  async #load(before: number): Promise<void> {
    try {
      const page = await this.app.api.get<JournalPage>(PATHS.journal, { query: { before: String(before) } });
      this.#older = [...this.#older, ...page.entries];
      this.#next = page.next;
      this.requestUpdate();
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }
}

const happening = (entry: Happening): TemplateResult => {
  const at = new Date(entry.at);
  return html`
    <li class="row happening">
      ${shape(toneOf(entry))}
      <div>
        <p class="strong">${entry.title}</p>
        <p class="quiet small">${entry.text}</p>
      </div>
      <time class="quiet small" datetime=${entry.at} title=${exact(at)}
        >${new Intl.DateTimeFormat(locale(), { timeStyle: 'short' }).format(at)}</time
      >
    </li>
  `;
};

/** Entries by the day on which they happened, as it is called from today. */
function byDay(entries: readonly Happening[]): Map<string, Happening[]> {
  const days = new Map<string, Happening[]>();
  for (const entry of entries) {
    const day = wholeDay(new Date(entry.at), new Date());
    days.set(day, [...(days.get(day) ?? []), entry]);
  }
  return days;
}

customElements.define('hs-activity', ActivityPage);
