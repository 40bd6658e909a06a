import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { haveChromium, startChromium } from '../harness/chromium.ts';
import { FakeCore } from './fake-core.ts';
import { type Visitor, visit } from './visitor.ts';

/** Tests that need a browser; left out where there is none. */
export const inBrowser = describe.skipIf(!haveChromium());

/** A browser for a file of tests, and a fresh core for each of them; afterwards nobody may have offended. */
export class Stage {
  #browser: Browser | undefined;
  #core: FakeCore | undefined;
  readonly #visitors: Visitor[] = [];

  get core(): FakeCore {
    if (!this.#core) throw new Error('there is a core within a test only');
    return this.#core;
  }

  async visit(options: Parameters<typeof visit>[2] = {}): Promise<Visitor> {
    if (!this.#browser) throw new Error('there is a browser within a test only');
    const visitor = await visit(this.#browser, this.core.url, options);
    this.#visitors.push(visitor);
    return visitor;
  }

  static set(): Stage {
    const stage = new Stage();
    if (!haveChromium()) return stage;
    beforeAll(async () => {
      stage.#browser = await startChromium();
    });
    afterAll(() => stage.#browser?.close());
    beforeEach(async () => {
      stage.#core = new FakeCore();
      await stage.#core.start();
    });
    afterEach(async () => {
      const visitors = stage.#visitors.splice(0);
      await Promise.all(visitors.map((visitor) => visitor.leave()));
      await stage.core.stop();
      expect(stage.core.offences).toEqual([]);
      expect(visitors.flatMap(({ offences }) => offences)).toEqual([]);
    });
    return stage;
  }
}
