import { mdiDownload, mdiRefresh } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import {
  LOG_LEVELS,
  type LogEntry,
  type LogLevel,
  type LogPage,
  MAX_LOG_ENTRIES,
  PATHS,
} from '../../contract/index.ts';
import { address } from '../api/client.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { button } from '../kit/button.ts';
import { copyButton } from '../kit/copy.ts';
import { choice, field, toggle } from '../kit/field.ts';
import { icon } from '../kit/icon.ts';
import { problem, problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t } from '../words/index.ts';
import { logLine, toText } from './log-line.ts';
import { top } from './page.ts';

/** Some screens full; more when somebody asks. */
const FIRST_LINES = 200;

/** How often it is read while somebody follows it, and looks (milliseconds). */
const FOLLOW_MS = 4_000;

/** Where a word of a search may stand. */
const found = (entry: LogEntry, words: readonly string[]): boolean => {
  const text = toText(entry).toLowerCase();
  return words.every((word) => text.includes(word));
};

/** The log, newest first. */
class LogPageElement extends Page {
  #log: LogPage | undefined;
  #trouble: Trouble | undefined;
  #level: LogLevel = 'info';
  #limit = FIRST_LINES;
  #search = '';
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Counts what was asked: an older answer that comes later is no news. */
  #asked = 0;

  protected override watched() {
    return [];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    void this.#read();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#follow(false);
  }

  protected override render(): TemplateResult {
    const entries = this.#shown;
    return html`
      ${top(this.#sentence(), t('settings.log.lead'))}
      <section class="card">
        <div class="filters">
          ${choice({
            id: 'level',
            label: t('settings.log.from'),
            value: this.#level,
            choices: LOG_LEVELS.map((value) => ({ value, label: t(`settings.log.level.${value}`) })),
            change: (level) => void this.#choose(level as LogLevel),
          })}
          ${field({
            id: 'search',
            label: t('settings.log.search'),
            type: 'search',
            value: this.#search,
            input: (text) => {
              this.#search = text;
              this.requestUpdate();
            },
          })}
        </div>
        <div class="section-head">
          ${toggle({
            id: 'follow',
            label: t('settings.log.follow'),
            on: this.#timer !== undefined,
            change: (on) => this.#follow(on),
          })}
          <div class="actions">
            ${button({ label: t('settings.log.refresh'), icon: mdiRefresh, act: () => this.#read() })}
            ${copyButton(this.app, () => this.#shown.map(toText).join('\n'))}
          </div>
        </div>
        ${this.#log && this.#trouble ? problem(this.#trouble) : nothing} ${this.#lines(entries)}
      </section>
      ${this.#log ? this.#loudness(this.#log) : nothing} ${this.#diagnostics()}
    `;
  }

  get #shown(): readonly LogEntry[] {
    const words = this.#search.toLowerCase().split(/\s+/);
    return this.#log?.entries.filter((entry) => found(entry, words)) ?? [];
  }

  /** What is wrong lately, if anything. */
  #sentence(): string {
    if (!this.#log) return t('settings.log.name');
    const count = this.#log.entries.filter(({ level }) => level === 'error').length;
    return count === 0 ? t('settings.log.calm') : t('settings.log.errors', { count });
  }

  #lines(entries: readonly LogEntry[]): TemplateResult {
    if (!this.#log) {
      return this.#trouble ? problemCard(this.#trouble, { retry: () => this.#read() }) : skeleton(16);
    }
    if (entries.length === 0) {
      return html`<p class="quiet">${t(this.#search ? 'settings.log.nothing_found' : 'settings.log.nothing')}</p>`;
    }
    const more = this.#log.entries.length === this.#limit && this.#limit < MAX_LOG_ENTRIES;
    return html`
      <ol class="log" aria-label=${t('settings.log.name')}>
        ${repeat(entries, ({ time, message }) => `${time} ${message}`, logLine)}
      </ol>
      <div class="section-head">
        <p class="quiet small">${t('settings.log.count', { count: entries.length })}</p>
        ${more ? button({ label: t('settings.log.older'), act: () => this.#older() }) : nothing}
      </div>
    `;
  }

  #loudness({ level }: LogPage): TemplateResult {
    return html`<section class="card">
      ${choice({
        id: 'loudness',
        label: t('settings.log.loudness'),
        help: t('settings.log.loudness_help'),
        value: level,
        choices: LOG_LEVELS.map((value) => ({ value, label: t(`settings.log.level.${value}`) })),
        change: (value) => void this.#setLoudness(value as LogLevel),
      })}
    </section>`;
  }

  #diagnostics(): TemplateResult {
    return html`<section class="card">
      <h2>${t('settings.log.diagnostics')}</h2>
      <p>${t('settings.log.diagnostics_text')}</p>
      <div class="actions start">
        <a class="button" href=${address(PATHS.diagnostics)} download>
          ${icon(mdiDownload)}<span>${t('settings.log.download')}</span>
        </a>
      </div>
    </section>`;
  }

  async #read(): Promise<void> {
    this.#asked += 1;
    const asked = this.#asked;
    try {
      const query = { level: this.#level, limit: String(this.#limit) };
      const log = await this.app.api.get<LogPage>(PATHS.log, { query });
      if (asked !== this.#asked) return;
      this.#log = log;
      this.#trouble = undefined;
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.requestUpdate();
  }

  #choose(level: LogLevel): Promise<void> {
    this.#level = level;
    return this.#read();
  }

  #older(): Promise<void> {
    this.#limit = MAX_LOG_ENTRIES;
    return this.#read();
  }

  #follow(on: boolean): void {
    clearInterval(this.#timer);
    this.#timer = on ? setInterval(() => void this.#look(), FOLLOW_MS) : undefined;
    if (on) void this.#read();
    this.requestUpdate();
  }

  /** Nobody reads in a window that is not seen. */
  #look(): Promise<void> | undefined {
    return document.hidden ? undefined : this.#read();
  }

  async #setLoudness(level: LogLevel): Promise<void> {
    try {
      await this.app.api.put(PATHS.log_level, { body: { level } });
      this.app.toasts.say(t('settings.log.loudness_set', { level: t(`settings.log.level.${level}`) }));
    } catch (error) {
      this.app.toasts.fail(error);
    }
    await this.#read();
  }
}

customElements.define('hs-log', LogPageElement);
