import { html, type TemplateResult } from 'lit';
import type { Live } from '../api/live.ts';
import type { Trouble } from '../api/problem.ts';
import { back, heading } from '../kit/heading.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import { Page } from '../shell/page.ts';
import { t, type Words } from '../words/index.ts';

/** As high as the line that will stand there, so that nothing jumps. */
const NO_LINE_YET = '\u00a0';

/** What a page below the settings begins with. */
export const top = (sentence: string, lead?: TemplateResult | string): TemplateResult => html`
  ${back(t('settings.name'), '#/settings')} ${heading(sentence, lead)}
`;

/** A page below the settings that shows one document of the core. */
export abstract class SettingsPage<Value> extends Page {
  /** What it shows. */
  protected abstract get shown(): Live<Value>;

  /** What it is called as long as nothing can be said. */
  protected abstract readonly name: Words;

  /** What it begins with, once something is known: made by `top`. */
  protected abstract head(value: Value): TemplateResult;

  /** What stands below it. */
  protected abstract draw(value: Value): TemplateResult;

  protected override watched(): readonly Pick<Live<unknown>, 'watch'>[] {
    return [this.shown];
  }

  protected override render(): TemplateResult {
    const { value, trouble } = this.shown;
    // in one place, whatever follows: the focus that is on the heading stays there
    const head = value === undefined ? top(t(this.name), NO_LINE_YET) : this.head(value);
    return html`${head} ${value === undefined ? this.#waiting(trouble) : this.draw(value)}`;
  }

  #waiting(trouble: Trouble | undefined): TemplateResult {
    return trouble ? problemCard(trouble, { retry: () => this.shown.refresh() }) : skeleton(8);
  }
}
