import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Browser, BrowserContext, Frame, Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Language } from '../../src/contract/index.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const PHONE = { width: 390, height: 844 };
export const SMALLEST = { width: 320, height: 640 };
export const DESKTOP = { width: 1280, height: 860 };

interface VisitOptions {
  readonly size?: { readonly width: number; readonly height: number };
  readonly scheme?: 'light' | 'dark';
  readonly language?: Language;
  /** Behind the `#`. */
  readonly path?: string;
}

/** Elements that a finger must hit, and their least size (pixels). */
const TOUCHED = 'button, select, input:not([type=checkbox]):not(.hidden), nav a, summary, a.button';
const TOUCH_PX = 44;

/** A person at a browser. What the browser complains of is an offence. */
export class Visitor {
  readonly page: Page;
  readonly offences: string[] = [];
  readonly #context: BrowserContext;

  constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on('pageerror', (error) => this.offences.push(String(error.stack ?? error)));
    page.on('console', (message) => {
      // what was refused or cut is seen where it is shown
      if (message.type() === 'error' && !/^Failed to load resource/.test(message.text())) {
        this.offences.push(message.text());
      }
    });
  }

  /** What axe-core finds on the page as it stands. */
  async accessibilityFaults(frame: Frame = this.page.mainFrame()): Promise<string[]> {
    await frame.evaluate(AXE);
    const { violations } = (await frame.evaluate(
      'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })',
    )) as { violations: { id: string; help: string; nodes: { html: string; failureSummary: string }[] }[] };
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary}`),
    );
  }

  /** What is too wide for the window, or too small for a finger. */
  async layoutFaults(frame: Frame = this.page.mainFrame()): Promise<string[]> {
    return (await frame.evaluate(`(() => {
      const faults = [];
      const { scrollWidth, clientWidth } = document.documentElement;
      if (scrollWidth > clientWidth) {
        const wide = [...document.querySelectorAll('main *')].filter((e) => e.getBoundingClientRect().right > clientWidth + 1);
        faults.push('wider than the window: ' + wide.slice(0, 3).map((e) => e.outerHTML.slice(0, 120)).join(' | '));
      }
      for (const e of document.querySelectorAll(${JSON.stringify(TOUCHED)})) {
        const { width, height } = e.getBoundingClientRect();
        if (width > 0 && (height < ${TOUCH_PX - 0.5} || width < ${TOUCH_PX - 0.5})) {
          faults.push('too small for a finger (' + width + ' x ' + height + '): ' + e.outerHTML.slice(0, 120));
        }
      }
      return faults;
    })()`)) as string[];
  }

  /** Nothing of what nobody should have to find out. */
  async expectGood(frame?: Frame): Promise<void> {
    expect(await this.accessibilityFaults(frame)).toEqual([]);
    expect(await this.layoutFaults(frame)).toEqual([]);
    expect(this.offences).toEqual([]);
  }

  /** The text of what has the focus. */
  focused(): Promise<string> {
    return this.page.evaluate('document.activeElement?.innerText?.trim() ?? ""') as Promise<string>;
  }

  leave(): Promise<void> {
    return this.#context.close();
  }
}

/** Opens the page. */
export async function visit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visitor> {
  const { size = DESKTOP, scheme = 'light', language = 'en', path = '' } = options;
  const context = await browser.newContext({
    viewport: size,
    colorScheme: scheme,
    locale: language === 'de' ? 'de-DE' : 'en-GB',
    timezoneId: 'Europe/Berlin',
    reducedMotion: 'reduce',
  });
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const visitor = new Visitor(context, page);
  await page.goto(`${url}/${path && `#${path}`}`);
  return visitor;
}
