import { test } from 'vitest';
import { PATHS, PROBE_STEPS, type TargetCheckEvent } from '../../src/contract/index.ts';
import { takePicture } from '../harness/pictures.ts';
import { devicesAtHome } from '../web/device-shapes.ts';
import type { FakeCore } from '../web/fake-core.ts';
import { busyHome, failing, quietHome, troubledHome, webhook } from '../web/scenes.ts';
import { connectedHome, token } from '../web/settings-core.ts';
import { inBrowser, Stage } from '../web/stage.ts';
import { DESKTOP, PHONE } from '../web/visitor.ts';

const stage = Stage.set();

interface Shot {
  readonly name: string;
  readonly path: string;
  readonly scene: (core: FakeCore) => void;
  readonly size?: typeof DESKTOP;
  readonly scheme?: 'light' | 'dark';
  readonly language?: 'en' | 'de';
}

/** All that can be set is set. */
function settledHome(core: FakeCore): void {
  quietHome(core);
  core.on(`GET ${PATHS.home_assistant}`, () => connectedHome());
  core.on(`GET ${PATHS.tokens}`, () => ({ tokens: [token()] }));
}

/** Somebody is told, and somebody else should be. */
function toldHome(core: FakeCore): void {
  settledHome(core);
  core.on(`GET ${PATHS.webhooks}`, () => ({ webhooks: [webhook(), failing] }));
}

const SHOTS: readonly Shot[] = [
  { name: 'overview-desktop-light-en', path: '', scene: quietHome },
  { name: 'overview-phone-dark-de', path: '', scene: quietHome, size: PHONE, scheme: 'dark', language: 'de' },
  { name: 'attention-phone-light-en', path: '', scene: troubledHome, size: PHONE },
  { name: 'attention-desktop-dark-en', path: '', scene: troubledHome, scheme: 'dark' },
  { name: 'backups-desktop-dark-en', path: '/backups', scene: quietHome, scheme: 'dark' },
  { name: 'backups-phone-light-de', path: '/backups', scene: quietHome, size: PHONE, language: 'de' },
  { name: 'location-desktop-light-de', path: '/backups/targets/bucket', scene: quietHome, language: 'de' },
  { name: 'devices-desktop-light-en', path: '/devices', scene: devicesAtHome },
  {
    name: 'devices-phone-dark-de',
    path: '/devices',
    scene: devicesAtHome,
    size: PHONE,
    scheme: 'dark',
    language: 'de',
  },
  { name: 'device-difference-desktop-light-en', path: '/devices/shelf/saved/newest', scene: devicesAtHome },
  { name: 'providers-desktop-light-en', path: '/backups/targets/new', scene: quietHome },
  { name: 'settings-desktop-light-en', path: '/settings', scene: settledHome },
  {
    name: 'settings-phone-dark-de',
    path: '/settings',
    scene: settledHome,
    size: PHONE,
    scheme: 'dark',
    language: 'de',
  },
  { name: 'activity-desktop-light-en', path: '/activity', scene: busyHome },
  {
    name: 'messages-phone-dark-de',
    path: '/settings/notifications',
    scene: toldHome,
    size: PHONE,
    scheme: 'dark',
    language: 'de',
  },
  { name: 'log-desktop-dark-en', path: '/settings/log', scene: settledHome, scheme: 'dark' },
  { name: 'about-desktop-light-de', path: '/settings/about', scene: settledHome, language: 'de' },
];

inBrowser('pictures of the page', () => {
  test.for(SHOTS)(
    '$name',
    async ({ name, scene, size = DESKTOP, scheme = 'light', language = 'en', path }) => {
      scene(stage.core);
      const visitor = await stage.visit({ size, scheme, language, path });
      const { page } = visitor;
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('load');
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      await visitor.expectGood();
      await takePicture(page, name);
    },
  );

  test('target-check-desktop-light-en', async () => {
    quietHome(stage.core);
    const left = Promise.withResolvers<void>();
    stage.core.check = async function* (): AsyncGenerator<TargetCheckEvent> {
      for (const step of PROBE_STEPS.slice(0, 4)) yield { event: 'step', step, outcome: 'ok', problem: null };
      yield { event: 'step', step: 'multipart', outcome: 'running', problem: null };
      await left.promise;
    };
    const { page } = await stage.visit({ path: '/backups/targets/bucket/check' });
    await page.locator('.steps .running').waitFor();
    await takePicture(page, 'target-check-desktop-light-en');
    left.resolve();
  });
});
