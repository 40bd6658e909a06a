import { expect, test } from 'vitest';
import { type Device, type DeviceImport, type Operation, PATHS } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { wordProblem } from '../../src/kernel/texts.ts';
import { devicesAtHome, keptDevice, savedOnce } from './device-shapes.ts';
import { hoursAgo } from './shapes.ts';
import { inBrowser, Stage } from './stage.ts';
import { DESKTOP, PHONE, SMALLEST } from './visitor.ts';

const stage = Stage.set();

const backingUp = (change: Partial<Operation>): Operation => ({
  ...{ id: 'backup', kind: 'device_backup', subject: { device_id: 'shelf', device: 'Shelf' } },
  ...{ state: 'running', done: 0, total: null, started_at: hoursAgo(0), ended_at: null, problem: null },
  ...change,
});

const IDENTITY = { id: 'aa', name: 'Shelf', model: 'WLED', firmware: '0.15.1', chip: 'esp32' };

inBrowser('devices', () => {
  const looks = [
    ['/devices', DESKTOP, 'light', 'en'],
    ['/devices', SMALLEST, 'dark', 'de'],
    ['/devices/router', DESKTOP, 'dark', 'de'],
    ['/devices/shelf', PHONE, 'light', 'en'],
    ['/devices/shelf/saved/newest', DESKTOP, 'light', 'de'],
    ['/devices/shelf/saved/newest', SMALLEST, 'dark', 'en'],
    ['/devices/shelf/edit', PHONE, 'dark', 'de'],
    ['/devices/new', SMALLEST, 'light', 'de'],
    ['/devices/new/fritzbox', PHONE, 'light', 'de'],
    ['/devices/find', PHONE, 'dark', 'en'],
    ['/devices/import', SMALLEST, 'light', 'de'],
    ['/devices/shelf/saved/newest/restore', PHONE, 'light', 'en'],
  ] as const;

  test.for(looks)('look well at %s', async ([path, size, scheme, language]) => {
    devicesAtHome(stage.core);
    stage.core.on(`GET ${PATHS.device_restore}`, () => ({
      problem: null,
      saved: IDENTITY,
      now: { ...IDENTITY, firmware: '0.16.0' },
      warnings: ['The network settings are written back as well.'],
    }));
    const visitor = await stage.visit({ path, size, scheme, language });
    await visitor.page.locator('main .card').first().waitFor();
    await visitor.page.getByRole('heading', { level: 1 }).waitFor();
    await visitor.expectGood();
  });

  test('where none is kept, the page invites', async () => {
    const visitor = await stage.visit({ path: '/devices' });
    await visitor.page.getByRole('link', { name: 'Find devices' }).waitFor();
    await visitor.expectGood();
  });

  test('each says how it stands, and is backed up by a click', async () => {
    devicesAtHome(stage.core);
    stage.core.on(`POST ${PATHS.command}`, () => undefined);
    const { page } = await stage.visit({ path: '/devices' });
    await page.getByRole('heading', { level: 1, name: '1 device needs a look' }).waitFor();
    const card = (name: string) => page.locator('.device').filter({ hasText: name });
    await card('Shelf').getByText('Backed up', { exact: true }).waitFor();
    await card('Router').getByText('Needs attention').waitFor();
    await card('Lamp').getByText('Last attempt failed').waitFor();
    await card('Fresh').getByText('Not backed up yet').waitFor();
    await page.getByRole('button', { name: 'Back up now: Shelf' }).click();
    await page.getByRole('button', { name: 'Back up all' }).click();
    await page.getByText('All devices are being backed up.').waitFor();
    expect(stage.core.deeds.map(({ body }) => body)).toEqual([{ device_id: 'shelf' }, {}]);
  });

  test('what needs a person stands first, and long names stay within their cards', async () => {
    const [shelf, router, plug] = devicesAtHome(stage.core) as [Device, Device, Device];
    const name = 'Steckdosenleistenüberwachungseinheit im Hauswirtschaftsraum';
    const many = Array.from({ length: 7 }, (_, at) => keptDevice({ id: `lamp${at}`, name: `Lamp ${at}` }));
    stage.core.on(`GET ${PATHS.devices}`, () => ({
      devices: [shelf, { ...plug, name }, ...many, router],
    }));
    const visitor = await stage.visit({ path: '/devices', size: SMALLEST });
    const { page } = visitor;
    await page.locator('.device').first().waitFor();
    const names = await page.locator('.device h2').allTextContents();
    expect(names.slice(0, 3).map((text) => text.trim())).toEqual(['Router in the hall', name, 'Shelf']);
    await visitor.expectGood();
    await page.getByLabel('Search devices').fill('lamp 3');
    await page.getByText('1 device found').waitFor();
    expect(await page.locator('.device').count()).toBe(1);
  });

  test('tells of what happens without a reload', async () => {
    const devices = [keptDevice()];
    stage.core.on(`GET ${PATHS.devices}`, () => ({ devices }));
    const { page } = await stage.visit({ path: '/devices' });
    await page.getByText('Backed up', { exact: true }).waitFor();
    await expect.poll(() => stage.core.listeners).toBe(1);
    stage.core.tell({ event: 'operation_changed', operation: backingUp({}) });
    await page.getByText('Being backed up').waitFor();
    expect(await page.getByRole('button', { name: 'Back up now: Shelf' }).isDisabled()).toBe(true);
    devices.push(keptDevice({ id: 'second', name: 'Second' }));
    stage.core.tell({ event: 'devices_changed' });
    await page.getByRole('link', { name: 'Second' }).waitFor();
    stage.core.tell({
      event: 'operation_changed',
      operation: backingUp({ state: 'succeeded', ended_at: hoursAgo(0) }),
    });
    await page.getByText('Being backed up').waitFor({ state: 'detached' });
    await page.getByRole('link', { name: 'Activity' }).click();
    await page.getByRole('heading', { level: 1, name: 'What happened' }).waitFor();
    stage.core.on(`POST ${PATHS.operation_cancel}`, () => undefined);
    stage.core.tell({ event: 'operation_changed', operation: backingUp({ id: 'next', done: 120_000 }) });
    await page.getByText('120 kB').waitFor();
    await page.getByRole('button', { name: 'Cancel: Shelf is backed up' }).click();
    await expect.poll(() => stage.core.deeds.at(-1)?.call).toBe(`POST ${PATHS.operation_cancel}`);
    const restore = backingUp({ id: 'restore', kind: 'device_restore' });
    stage.core.tell({ event: 'operation_changed', operation: restore });
    await page.getByText('Shelf is written back to').waitFor();
    expect(await page.getByRole('button', { name: /^Cancel/ }).count()).toBe(1);
  });

  test('a password that is refused leads to the settings, and nothing is tried until then', async () => {
    devicesAtHome(stage.core);
    const { page } = await stage.visit({ path: '/devices/router' });
    await page.getByText('fritz.box does not accept').waitFor();
    expect(await page.locator('.button.primary').allInnerTexts()).toEqual(['Settings']);
    await page.getByText('Kept for good').waitFor();
  });

  test('one below the other on a phone, a difference has no empty lines', async () => {
    devicesAtHome(stage.core);
    const { page } = await stage.visit({ path: '/devices/shelf/saved/newest', size: PHONE });
    const table = page.getByRole('region', { name: 'cfg.json' });
    await table.locator('.gone').first().waitFor();
    expect(await table.locator('.absent').count()).toBeGreaterThan(0);
    expect(await table.locator('.absent:visible').count()).toBe(0);
  });

  test.for([PHONE, SMALLEST])('the words of the bar fit at $width pixels', async (size) => {
    const { page } = await stage.visit({ size, language: 'de', path: '/devices' });
    const links = page.getByRole('navigation').locator('li a');
    await links.last().waitFor();
    expect(await links.count()).toBe(5);
    const ends = (await page.evaluate(`[...document.querySelectorAll('nav li a')].flatMap((link) => {
      const range = document.createRange();
      range.selectNodeContents(link);
      const { left, right } = range.getBoundingClientRect();
      return [left, right];
    })`)) as number[];
    expect(ends).toEqual(ends.toSorted((one, other) => one - other));
    expect(ends[0]).toBeGreaterThanOrEqual(0);
    expect(ends.at(-1)).toBeLessThanOrEqual(size.width);
  });

  test('a kind that is not there is said to be none', async () => {
    const { page } = await stage.visit({ path: '/devices/new' });
    await page.getByLabel('Search kinds').fill('toaster');
    await page.getByText('No kind has this name.').waitFor();
    await page.getByLabel('Search kinds').fill('wled');
    await page.getByRole('main').getByRole('link', { name: 'WLED' }).waitFor();
    expect(await page.getByText('No kind has this name.').count()).toBe(0);
  });

  test('one is found, tried and added', async () => {
    const list: Device[] = [];
    stage.core.on(`GET ${PATHS.devices}`, () => ({ devices: list }));
    stage.core.on(`GET ${PATHS.device_artefacts}`, () => ({ artefacts: [] }));
    stage.core.on(`POST ${PATHS.device_discover}`, () => ({
      devices: [
        {
          kind: 'wled',
          kind_name: 'WLED',
          name: 'Shelf',
          address: '192.168.1.40',
          identity: IDENTITY,
          source: 'address',
          known_as: null,
        },
      ],
      unknown: ['192.168.1.99'],
    }));
    stage.core.on(`POST ${PATHS.device_test}`, () => ({
      identity: IDENTITY,
      name: 'Shelf',
      problem: null,
      known_as: null,
    }));
    stage.core.on(`POST ${PATHS.devices}`, () => {
      list.push(keptDevice());
      return keptDevice();
    });
    const { page } = await stage.visit({ path: '/devices/find' });
    await page.getByLabel('Addresses').fill('192.168.1.40\n192.168.1.99');
    await page.getByRole('button', { name: 'Look for devices' }).click();
    await page.getByText('Nothing was recognised at: 192.168.1.99').waitFor();
    await page.getByRole('link', { name: 'Add Shelf' }).click();
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByText('The device answers').waitFor();
    await page.getByText('esp32').waitFor();
    await page.getByRole('button', { name: 'Add' }).click();
    await page.getByRole('heading', { level: 1, name: 'Shelf' }).waitFor();
    expect(stage.core.deeds.at(-1)).toEqual({
      call: `POST ${PATHS.devices}`,
      body: {
        kind: 'wled',
        settings: { address: '192.168.1.40', pin: '' },
        ...{ schedule: 'daily', hours: '', retry: true },
        keep: { last: 10, days: 30, generations: true },
      },
    });
  });

  test('all that need nothing but their address are added with one click, and the others are said', async () => {
    const found = (name: string, address: string, kind = 'wled') => ({
      ...{ kind, kind_name: kind === 'wled' ? 'WLED' : 'FRITZ!Box', name, address, identity: IDENTITY },
      ...{ source: 'network', known_as: null },
    });
    const list: Device[] = [];
    const answer = Promise.withResolvers<void>();
    stage.core.on(`GET ${PATHS.devices}`, () => ({ devices: list }));
    stage.core.on(`POST ${PATHS.device_discover}`, () => ({
      devices: [
        found('Shelf', '192.168.1.40'),
        found('Attic', '192.168.1.41'),
        found('Locked', '192.168.1.42'),
        found('Router', '192.168.1.1', 'fritzbox'),
      ],
      unknown: [],
    }));
    stage.core.on(`POST ${PATHS.devices}`, async ({ body }) => {
      const { name, settings } = body as { name: string; settings: { address: string } };
      await answer.promise;
      if (name === 'Locked') throw new Problem('device_code', { params: { host: settings.address } });
      const added = keptDevice({ id: name.toLowerCase(), name });
      list.push(added);
      return added;
    });
    const { page } = await stage.visit({ path: '/devices/find' });
    await page.getByRole('button', { name: 'Look for devices' }).click();
    await page.getByRole('button', { name: 'Add all 3 devices' }).click();
    await page.getByText('0 / 3').waitFor();
    answer.resolve();
    await page.getByText('2 devices were added and are being backed up.').waitFor();
    await page.getByRole('link', { name: 'Open Attic' }).waitFor();
    await page.getByText('192.168.1.42 wants a PIN, or another one.').waitFor();
    await page.getByRole('link', { name: 'Add Locked' }).waitFor();
    await page.getByRole('link', { name: 'Add Router' }).waitFor();
    expect(await page.getByRole('button', { name: /^Add all/ }).count()).toBe(0);
  });

  test('what is missing is said, and what the device met it with', async () => {
    stage.core.on(`POST ${PATHS.device_test}`, ({ language }) => ({
      identity: null,
      name: 'WLED',
      problem: wordProblem(new Problem('device_refused', { params: { host: '192.168.1.40' } }), language),
      known_as: null,
    }));
    const { page } = await stage.visit({ path: '/devices/new/wled' });
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByText('This is needed.').waitFor();
    await page.getByLabel('Address').fill('192.168.1.40');
    await page.getByRole('button', { name: 'Test' }).click();
    await page.getByText('Nothing takes connections at 192.168.1.40.').waitFor();
  });

  test('a table is looked at and then added', async () => {
    const answer = (outcome: DeviceImport['rows'][number]['outcome']): DeviceImport => ({
      rows: [
        { line: 2, name: 'Kitchen', kind: 'wled', outcome, problem: null },
        {
          line: 3,
          name: 'Toaster',
          kind: 'toaster',
          outcome: 'failed',
          problem: wordProblem(new Problem('device_kind_unknown', { params: { kind: 'toaster' } })),
        },
      ],
    });
    stage.core.on(`POST ${PATHS.device_import}`, ({ body }) =>
      answer((body as { save: boolean }).save ? 'added' : 'valid'),
    );
    const { page } = await stage.visit({ path: '/devices/import' });
    await page.getByLabel('Or paste the table').fill('kind;name\nwled;Kitchen\ntoaster;Toaster');
    await page.getByRole('button', { name: 'Look at it' }).click();
    await page.getByText('Can be added').waitFor();
    await page.getByText('Homestash does not know this kind of device (toaster).').waitFor();
    await page.getByRole('button', { name: 'Add 1 device' }).click();
    await page.getByText('Added', { exact: true }).waitFor();
    await page.getByRole('main').getByRole('link', { name: 'Devices' }).last().waitFor();
    expect(await page.getByRole('button', { name: 'Add 1 device' }).count()).toBe(0);
    expect(stage.core.deeds.map(({ body }) => (body as { save: boolean }).save)).toEqual([false, true]);
  });

  test('another device at its address is accepted by a person alone', async () => {
    const replaced = wordProblem(
      new Problem('device_replaced', { params: { expected: 'aabbccddeeff', found: '112233445566' } }),
    );
    let device = keptDevice({ problem: replaced });
    stage.core.on(`GET ${PATHS.devices}`, () => ({ devices: [device] }));
    stage.core.on(`GET ${PATHS.device_artefacts}`, () => ({ artefacts: [savedOnce()] }));
    stage.core.on(`PATCH ${PATHS.device}`, () => {
      device = keptDevice();
      return device;
    });
    const { page } = await stage.visit({ path: '/devices/shelf' });
    await page.getByRole('button', { name: 'It was replaced: keep the new one' }).click();
    await page.getByText('Backed up', { exact: true }).waitFor();
    expect(stage.core.deeds.at(-1)?.body).toEqual({ replaced: true });
  });

  test('what was saved is pinned, compared and downloaded, and the bad one stands apart', async () => {
    devicesAtHome(stage.core);
    stage.core.on(`PATCH ${PATHS.device_artefact}`, () => savedOnce({ pinned: true }));
    const { page } = await stage.visit({ path: '/devices/shelf' });
    await page.getByRole('heading', { name: 'Did not pass the check' }).waitFor();
    await page
      .getByRole('button', { name: /^Keep for good/ })
      .first()
      .click();
    await expect.poll(() => stage.core.deeds.at(-1)?.body).toEqual({ pinned: true });
    await page.locator('.row a').first().click();
    const table = page.getByRole('region', { name: 'cfg.json' });
    await table.getByText('"name": "Shelf above the long table in the living room",').waitFor();
    expect(await table.locator('.come .sign').first().textContent()).toBe('+');
    expect(await page.getByRole('link', { name: 'Download cfg.json' }).getAttribute('href')).toBe(
      'api/v1/devices/shelf/artefacts/newest/files/1',
    );
  });

  test('a configuration goes back once its warnings were read, and the page says what became of it', async () => {
    devicesAtHome(stage.core);
    const operation = (change: Partial<Operation>): Operation => ({
      id: 'restore',
      kind: 'device_restore',
      subject: { device_id: 'shelf', device: 'Shelf', artefact_id: 'newest' },
      state: 'running',
      done: 0,
      total: null,
      started_at: hoursAgo(0),
      ended_at: null,
      problem: null,
      ...change,
    });
    let operations: Operation[] = [];
    stage.core.on(`GET ${PATHS.operations}`, () => ({ operations }));
    stage.core.on(`GET ${PATHS.device_restore}`, () => ({
      problem: null,
      saved: IDENTITY,
      now: IDENTITY,
      warnings: ['The network settings are written back as well.'],
    }));
    stage.core.on(`POST ${PATHS.device_restore}`, () => {
      operations = [operation({})];
      return { operation_id: 'restore' };
    });
    const { page } = await stage.visit({ path: '/devices/shelf/saved/newest' });
    await page.getByRole('link', { name: 'Write back …' }).click();
    const write = page.getByRole('button', { name: 'Write back' });
    await write.waitFor();
    expect(await write.isDisabled()).toBe(true);
    expect(
      await page.evaluate('getComputedStyle(document.querySelector(".button.danger")).borderStyle'),
    ).toBe('dashed');
    await page.getByLabel('I have read this').check();
    await write.click();
    await page.getByText('The configuration is being written').first().waitFor();
    // whoever leaves the page and comes back sees it still
    await page.goBack();
    await page.getByRole('link', { name: 'Write back …' }).click();
    await page.getByText('The configuration is being written').first().waitFor();
    stage.core.tell({
      event: 'operation_changed',
      operation: operation({ state: 'succeeded', ended_at: hoursAgo(0) }),
    });
    await page.getByText('The device has taken the configuration').waitFor();
  });

  test('where the list does not come, it is tried again by a click', async () => {
    devicesAtHome(stage.core);
    stage.core.on(`GET ${PATHS.device_artefacts}`, () => {
      throw new Problem('disk_full');
    });
    const { page } = await stage.visit({ path: '/devices/shelf/saved/newest' });
    await page.getByRole('alert').first().waitFor();
    stage.core.on(`GET ${PATHS.device_artefacts}`, () => ({ artefacts: [savedOnce()] }));
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('link', { name: 'Download cfg.json' }).waitFor();
  });

  test('one that does not fit is not written', async () => {
    devicesAtHome(stage.core);
    stage.core.on(`GET ${PATHS.device_restore}`, () => ({
      problem: wordProblem(new Problem('restore_other_chip', { params: { saved: 'esp32', now: 'esp8266' } })),
      saved: IDENTITY,
      now: { ...IDENTITY, chip: 'esp8266' },
      warnings: [],
    }));
    const { page } = await stage.visit({ path: '/devices/shelf/saved/newest/restore' });
    await page.getByText('It could make the device unusable. Nothing was written.').waitFor();
    await page.getByRole('cell', { name: 'esp8266 (differs)' }).waitFor();
    expect(await page.getByRole('button', { name: 'Write back' }).count()).toBe(0);
  });

  test('its settings are changed, and secrets stay where nothing is typed', async () => {
    devicesAtHome(stage.core);
    stage.core.on(`PATCH ${PATHS.device}`, () => keptDevice());
    const { page } = await stage.visit({ path: '/devices/shelf/edit' });
    await page.getByLabel('Address').fill('192.168.1.50');
    await page.getByLabel('How often').selectOption({ label: 'Once a week' });
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved. The device is backed up').waitFor();
    expect(stage.core.deeds.at(-1)?.body).toMatchObject({
      schedule: 'weekly',
      settings: { address: '192.168.1.50' },
    });
    expect(JSON.stringify(stage.core.deeds.at(-1))).not.toContain('pin');
  });

  test('is removed after a question', async () => {
    let devices = [keptDevice()];
    stage.core.on(`GET ${PATHS.devices}`, () => ({ devices }));
    stage.core.on(`GET ${PATHS.device_artefacts}`, () => ({ artefacts: [savedOnce()] }));
    stage.core.on(`DELETE ${PATHS.device}`, () => {
      devices = [];
    });
    const { page } = await stage.visit({ path: '/devices/shelf' });
    await page.getByRole('button', { name: 'Remove' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Sealed copies in your locations stay.').waitFor();
    await dialog.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { level: 1, name: 'No device is kept yet' }).waitFor();
  });
});
