/**
 * The shell: who may come in, where one is, and what stands around every page.
 *
 * How a page is made
 * - A folder in `src/web` with an element that extends `Page` (shell/page.ts): `this.app` has everything at hand
 *   (`api`, `data`, `router`, `toasts`, `session`), `watched()` names what of `app.data` it shows.
 * - One line in shell/pages.ts: path, title, element. Links are plain `<a href="#/backups">`.
 * - What it shows of the core is one line in api/data.ts, with the events that change it. Show `skeleton()` while
 *   `live.value` is undefined, `problemCard()` for `live.trouble`, and what is known in any other case.
 * - It begins with `heading(sentence)` (kit/heading.ts): the shell moves the focus there when one comes from elsewhere.
 * - Parts in kit/: button, card, dialog and `confirm`, field and `settingField`, status word, progress, time, empty
 *   state, problem, toast, icon. They draw into the page; the styles stand in style/, tokens (`--hs-*`) only.
 * - Words stand in `translations/` under `web`; `t('place', { value })`, and `count` for one and many.
 * - What a person does goes through `busy()` (kit/button.ts), which keeps the button from being pressed twice, and shows
 *   what went wrong in place with its hint, or as a toast where there is no place.
 */
import { mdiArchiveOutline, mdiCloseCircleOutline } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import { noConnection } from '../api/problem.ts';
import { icon } from '../kit/icon.ts';
import { problemCard } from '../kit/problem.ts';
import { skeleton } from '../kit/skeleton.ts';
import '../session/index.ts';
import { t } from '../words/index.ts';
import { App } from './app.ts';
import { match } from './match.ts';
import { Element } from './page.ts';
import { PAGES, type PageEntry } from './pages.ts';

/** The page at a path; the first one where there is none. */
function pageAt(path: string): {
  readonly page: PageEntry;
  readonly params: Readonly<Record<string, string>>;
} {
  for (const page of PAGES) {
    const params = match(page.path, path);
    if (params) return { page, params };
  }
  return { page: PAGES[0] as PageEntry, params: {} };
}

export class Shell extends Element {
  readonly #app = new App();
  #path = this.#app.router.path;
  /** What has been loaded of the pages that do not come with the first one. */
  readonly #loaded = new Set<PageEntry['load']>();
  /** The newest attempt to load one failed: there is no connection, or another version by now. */
  #missing = false;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#app.watch(() => this.requestUpdate());
    this.#app.toasts.watch(() => this.requestUpdate());
    addEventListener('hashchange', () => void this.#moved());
    void this.#app.start();
  }

  get app(): App {
    return this.#app;
  }

  async #moved(): Promise<void> {
    const path = this.#app.router.path;
    if (path === this.#path) return;
    await this.#load(pageAt(path).page);
    // somebody may have gone on meanwhile
    if (path !== this.#app.router.path) return;
    this.#path = path;
    this.requestUpdate();
    await this.updateComplete;
    scrollTo(0, 0);
    await this.querySelector<Element>('main > *')?.updateComplete;
    this.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
  }

  /** Loads what a page is made of. */
  async #load({ load }: PageEntry): Promise<void> {
    if (!load || this.#loaded.has(load)) return;
    try {
      await load();
      this.#loaded.add(load);
      this.#missing = false;
    } catch {
      this.#missing = true;
    }
    this.requestUpdate();
  }

  #page({ load, render }: PageEntry, params: Readonly<Record<string, string>>): TemplateResult {
    if (!load || this.#loaded.has(load)) return render(this.#app, params);
    if (this.#missing) return problemCard(noConnection(undefined), { retry: () => location.reload() });
    return skeleton(8);
  }

  protected override willUpdate(): void {
    const { page } = pageAt(this.#path);
    if (this.#app.session?.state === 'signed_in' && !this.#missing) void this.#load(page);
  }

  protected override render(): TemplateResult {
    const { session, trouble } = this.#app;
    if (!session) {
      document.title = t('name');
      // as long as nobody has answered there is nothing to be said
      return html`<main class="alone">${trouble ? problemCard(trouble, { retry: () => this.#app.start() }) : nothing}</main>`;
    }
    if (session.state !== 'signed_in') return html`<hs-session .app=${this.#app}></hs-session>`;
    const { page, params } = pageAt(this.#path);
    document.title = `${t(page.title)} · ${t('name')}`;
    return html`
      <a class="skip" href="#main" @click=${this.#skip}>${t('shell.skip')}</a>
      <nav class="nav" aria-label=${t('shell.navigation')}>
        <a class="brand" href="#/overview">${icon(mdiArchiveOutline)}<span>${t('name')}</span></a>
        <ul>
          ${PAGES.filter((entry) => entry.icon).map((entry) => this.#link(entry))}
        </ul>
      </nav>
      ${this.#banner()}
      <main id="main" tabindex="-1">${this.#page(page, params)}</main>
      ${this.#app.toasts.render()}
    `;
  }

  #link({ path, icon: shape, title }: PageEntry): TemplateResult {
    const current = this.#path === path ? 'page' : this.#path.startsWith(`${path}/`) ? 'true' : nothing;
    return html`<li>
      <a href="#${path}" aria-current=${current}>${icon(shape as string)}<span>${t(title)}</span></a>
    </li>`;
  }

  #banner(): TemplateResult {
    return html`<div class="banner" role="status">
      ${
        this.#app.connected
          ? nothing
          : html`<p>${icon(mdiCloseCircleOutline)}<span>${t('shell.away')}</span></p>
              <button type="button" class="button" @click=${() => this.#app.reconnect()}>${t('act.again')}</button>`
      }
    </div>`;
  }

  readonly #skip = (event: Event): void => {
    // the hash belongs to the router
    event.preventDefault();
    this.querySelector('main')?.focus();
  };
}

customElements.define('homestash-app', Shell);
