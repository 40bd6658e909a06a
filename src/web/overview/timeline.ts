import { html, LitElement, nothing, type PropertyValues, svg, type TemplateResult } from 'lit';
import type { AllBackups, StoredBackup, Target } from '../../contract/index.ts';
import { bytes, day, short } from '../words/format.ts';
import { t } from '../words/index.ts';

const DAY_MS = 86_400_000;

/** How much time the picture shows at least and at most (days). */
const SHORTEST_DAYS = 7;
const LONGEST_DAYS = 90;

/** Measures of the picture (pixels). */
const LANE = 60;
const NAME = 22;
const SMALLEST = 3;
const LARGEST = 14;
/** A dot of usual size hides no more than some of its neighbour of the day before. */
const SHARE_OF_DAY = 0.9;
const LEAST_LARGEST = 6;
const EDGE = LARGEST + 2;
const AXIS = 28;
const TICK_EVERY = 110;

/** A date at the very left would be cut. */
const ROOM_AT_EDGE = 0.96;

/** A row's dots are named in the table; more rows than this would make it a wall (there are older ones below). */
const MAX_ROWS = 30;

interface Dot {
  readonly stored: StoredBackup;
  readonly at: number;
  readonly doubtful: boolean;
}

/** What is there, when: a row for each target, a dot for each backup, its area the size. */
class Timeline extends LitElement {
  static override properties = { targets: { attribute: false }, all: { attribute: false } };
  declare targets: readonly Target[];
  declare all: AllBackups;
  #width = 0;
  readonly #observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry?.contentRect.width ?? 0);
    if (width === this.#width) return;
    this.#width = width;
    this.requestUpdate();
  });

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override firstUpdated(_changed: PropertyValues): void {
    this.#observer.observe(this.querySelector('figure') as HTMLElement);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#observer.disconnect();
  }

  protected override render(): TemplateResult {
    const now = Date.now();
    const ages = this.all.backups.map(({ backup }) => now - Date.parse(backup.date));
    const span = Math.min(
      LONGEST_DAYS * DAY_MS,
      Math.max(SHORTEST_DAYS * DAY_MS, ...ages.map((age) => age * 1.05)),
    );
    const older = ages.filter((age) => age > span).length;
    const height = this.targets.length * LANE + AXIS;
    return html`
      <figure class="timeline">
        <svg
          role="img"
          aria-label=${t('timeline.name', { count: this.all.backups.length })}
          width=${this.#width}
          height=${height}
          viewBox="0 0 ${this.#width} ${height}"
        >
          ${this.#width > 0 ? this.#picture(now, span) : nothing}
        </svg>
        <figcaption class="quiet small">
          <span><i class="dot"></i>${t('timeline.sound')}</span>
          <span><i class="dot hollow"></i>${t('timeline.doubtful')}</span>
          <span>${t('timeline.size')}</span>
          ${older > 0 ? html`<span>${t('timeline.older', { count: older })}</span>` : nothing}
        </figcaption>
      </figure>
      ${this.#table()}
    `;
  }

  #picture(now: number, span: number): unknown {
    const right = this.#width - EDGE;
    const x = (at: number) => EDGE + ((at - (now - span)) / span) * (right - EDGE);
    const largest = Math.max(1, ...this.all.backups.map(({ backup }) => backup.size));
    const bottom = this.targets.length * LANE;
    const perDay = ((right - EDGE) * DAY_MS) / span;
    const radius = Math.min(LARGEST, Math.max(LEAST_LARGEST, perDay * SHARE_OF_DAY));
    const today = Math.max(6, right - x(now - DAY_MS));
    return svg`
      <rect class="today" x=${right - today} y="0" width=${today + EDGE} height=${bottom}></rect>
      ${this.#ticks(now, span).map(
        (at) => svg`
          <line class="tick" x1=${x(at)} x2=${x(at)} y1=${NAME} y2=${bottom}></line>
          <text class="axis" x=${x(at)} y=${bottom + 20} text-anchor="middle">${day(new Date(at))}</text>
        `,
      )}
      <text class="axis now" x=${this.#width} y=${bottom + 20} text-anchor="end">${t('timeline.now')}</text>
      ${this.targets.map((target, row) => {
        const y = row * LANE + NAME + (LANE - NAME) / 2;
        return svg`
          <text class="lane" x="0" y=${row * LANE + 16}>${target.name}</text>
          <line class="rail" x1="0" x2=${this.#width} y1=${y} y2=${y}></line>
          ${this.#dots(target, now - span).map(
            ({ stored, at, doubtful }) => svg`
              <circle
                class=${doubtful ? 'dot hollow' : 'dot'}
                cx=${x(at)}
                cy=${y}
                r=${Math.max(SMALLEST, radius * Math.sqrt(stored.backup.size / largest))}
              ><title>${stored.backup.name}, ${short(new Date(at))}, ${bytes(stored.backup.size)}</title></circle>
            `,
          )}
        `;
      })}
    `;
  }

  /** Beginnings of days, as many as there is room for; "now" needs some, too. */
  #ticks(now: number, span: number): number[] {
    const room = Math.max(1, Math.floor(this.#width / TICK_EVERY));
    const step = Math.max(1, Math.ceil(span / DAY_MS / room));
    const ticks: number[] = [];
    const midnight = new Date(now);
    midnight.setHours(0, 0, 0, 0);
    for (;;) {
      // a day with a change of the clock is no shorter on the calendar
      midnight.setDate(midnight.getDate() - step);
      if (midnight.getTime() < now - span * ROOM_AT_EDGE) return ticks;
      ticks.push(midnight.getTime());
    }
  }

  #dots(target: Target, from: number): Dot[] {
    return this.all.backups.flatMap((stored) => {
      const place = stored.places.find(({ target_id }) => target_id === target.id);
      const at = Date.parse(stored.backup.date);
      if (!place || at < from) return [];
      return [{ stored, at, doubtful: place.suspect !== null || place.crc32 === null }];
    });
  }

  /** The same for who does not look at pictures. */
  #table(): TemplateResult {
    const names = new Map(this.targets.map(({ id, name }) => [id, name]));
    const rows = this.all.backups.slice(0, MAX_ROWS);
    return html`
      <details class="more">
        <summary>${t('timeline.as_table')}</summary>
        <table>
          <thead>
            <tr>
              <th scope="col">${t('backup.date')}</th>
              <th scope="col">${t('backup.size')}</th>
              <th scope="col">${t('backup.where')}</th>
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              ({ backup, places }) => html`<tr>
                <td><a href="#/backups/item/${backup.backup_id}">${short(new Date(backup.date))}</a></td>
                <td>${bytes(backup.size)}</td>
                <td>${places.map(({ target_id }) => names.get(target_id) ?? '').join(', ')}</td>
              </tr>`,
            )}
          </tbody>
        </table>
      </details>
    `;
  }
}

customElements.define('hs-timeline', Timeline);
