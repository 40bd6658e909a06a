import { defineConfig } from 'vitest/config';

/** The quick tests first; `web` looks at the page in a real browser, `e2e` drives a real Home Assistant and takes
 * minutes, `pictures` is for script/screenshots. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 0 },
          include: ['test/**/*.test.ts'],
          exclude: ['test/e2e/**', 'test/pictures/**', 'test/web/**'],
          setupFiles: ['test/setup.ts'],
          // most of them wait for programs that they started: more at once than there are processors
          maxWorkers: 4,
          testTimeout: 30_000,
          hookTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'web',
          sequence: { groupOrder: 1 },
          include: ['test/web/**/*.test.ts'],
          globalSetup: ['test/web/built-web.ts'],
          setupFiles: ['test/setup.ts'],
          // each has a browser of its own
          maxWorkers: 2,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'pictures',
          sequence: { groupOrder: 3 },
          include: ['test/pictures/**/*.test.ts'],
          globalSetup: ['test/web/built-web.ts'],
          setupFiles: ['test/setup.ts'],
          maxWorkers: 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          sequence: { groupOrder: 2 },
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/web/built-web.ts'],
          setupFiles: ['test/setup.ts'],
          // they wait more than they work, but a Home Assistant that starts takes a processor for itself
          maxWorkers: 2,
          testTimeout: 600_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
