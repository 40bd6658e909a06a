import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { octoprint } from '../../../src/devices/handlers/octoprint.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { version } from '../../harness/cache.ts';
import type { Dashboard } from '../../harness/dashboard.ts';
import { HurriedClock } from '../../harness/hurried-clock.ts';
import {
  haveOctoPrint,
  OCTOPRINT_KEYS,
  OCTOPRINT_SECRET,
  restoreOctoPrint,
  startOctoPrint,
} from '../../harness/octoprint.ts';
import { waitFor } from '../../harness/wait-for.ts';
import { DeviceServer } from '../../simulators/devices/server.ts';
import { HandlerRun, savedOf } from '../run-handler.ts';

const BACKUP = 'octoprint-backup.zip';

// Takes OctoPrint a second to pack: long enough to be met at it.
const LARGE = 24 * 1024 * 1024;

describe.runIf(haveOctoPrint())('a real OctoPrint', () => {
  let printer: Dashboard;
  const file = (name: string) => join(printer.dir, 'basedir', name);
  const run = (change: Record<string, unknown> = {}, options = {}) =>
    new HandlerRun(
      octoprint,
      { address: printer.address, api_key: OCTOPRINT_KEYS.admin, ...change },
      { clock: new HurriedClock(), ...options },
    );
  const leftOver = () => readdirSync(file('data/backup'));

  beforeAll(async () => {
    printer = await startOctoPrint();
    mkdirSync(file('uploads'), { recursive: true });
    writeFileSync(file('uploads/cube.gcode'), 'G28\n');
  }, 150_000);
  afterAll(() => printer?.stop());

  test('says what it is', async () => {
    await expect(run().test()).resolves.toEqual({
      id: '11111111-2222-3333-4444-555555555555',
      name: 'Printer in the cellar',
      model: 'OctoPrint',
      firmware: version('OCTOPRINT_VERSION'),
    });
  });

  test('gives a backup that is whole, and keeps none itself', async () => {
    const saved = await run().fetch();
    expect(saved.files.map(({ name }) => name)).toEqual([BACKUP]);
    await expect(run().validate(saved)).resolves.toBeUndefined();
    expect(leftOver()).toEqual([]);
    const text = await run().normalised(saved, BACKUP);
    expect(text).toContain('name: Printer in the cellar');
    expect(text).toMatch(/^basedir\/users\.yaml \d+ [0-9a-f]{8}$/m);
    expect(text).not.toContain('cube.gcode');
    expect(text).not.toContain(OCTOPRINT_SECRET);
    expect(text).not.toContain('of-the-passwords');
    // nothing was changed by anybody
    await expect(
      run()
        .fetch()
        .then((again) => run().normalised(again, BACKUP)),
    ).resolves.toBe(text);
  });

  test('is restored by its own command into an empty one', async () => {
    const saved = await run().fetch();
    const { basedir, said } = await restoreOctoPrint(saved.get(BACKUP).path);
    expect(said).toContain('Restored from');
    for (const name of ['config.yaml', 'users.yaml']) {
      expect(readFileSync(join(basedir, name), 'utf8')).toBe(readFileSync(file(name), 'utf8'));
    }
    // it looks for plugins in the internet, in vain
  }, 120_000);

  test('gives what is printed where that is wanted, and is waited for', async () => {
    writeFileSync(file('uploads/large.gcode'), randomBytes(LARGE));
    const clock = new HurriedClock();
    const saved = await run({ print_files: true }, { clock }).fetch();
    rmSync(file('uploads/large.gcode'));
    expect(clock.slept.length).toBeGreaterThan(5);
    await expect(run().validate(saved)).resolves.toBeUndefined();
    await expect(run().normalised(saved, BACKUP)).resolves.toContain('basedir/uploads/cube.gcode 4 ');
  });

  test('that fails at it says so', async () => {
    renameSync(file('config.yaml'), file('away'));
    try {
      await expect(run().fetch()).rejects.toMatchObject({ code: 'device_failed' });
    } finally {
      renameSync(file('away'), file('config.yaml'));
    }
  });

  test('is left alone when somebody cancels', async () => {
    const abort = new AbortController();
    writeFileSync(file('uploads/large.gcode'), randomBytes(LARGE));
    const clock = new HurriedClock();
    clock.sleep = (ms) => {
      abort.abort(new Error('cancelled'));
      return systemClock.sleep(ms / 20);
    };
    await expect(run({ print_files: true }, { clock, signal: abort.signal }).fetch()).rejects.toThrow(
      'cancelled',
    );
    // its card is small: what was begun for us does not stay
    await waitFor('nothing to be left', () => leftOver().length === 0);
    rmSync(file('uploads/large.gcode'));
  });

  test('takes no wrong key, and none of somebody who may not', async () => {
    await expect(run({ api_key: 'wrong' }).test()).rejects.toMatchObject({ code: 'device_password' });
    await expect(run({ api_key: 'wrong' }).fetch()).rejects.toMatchObject({ code: 'device_password' });
    await expect(run({ api_key: OCTOPRINT_KEYS.resident }).test()).rejects.toMatchObject({
      code: 'device_forbidden',
    });
  });

  test('is recognised without a key', async () => {
    await expect(run().recognise(printer.address)).resolves.toEqual({ model: 'OctoPrint' });
  });

  test('whose backup is spoilt is not kept', async () => {
    const whole = await (await run().fetch()).get(BACKUP).bytes();
    const spoilt = Buffer.from(whole);
    // in the packed content of one of its files
    const at = whole.indexOf('basedir/users.yaml') + 60;
    spoilt.writeUInt8(spoilt.readUInt8(at) ^ 0xff, at);
    for (const [content, code] of [
      [whole.subarray(0, -1), 'artefact_cut'],
      [whole.subarray(0, whole.length / 2), 'artefact_cut'],
      [spoilt, 'artefact_wrong'],
    ] as const) {
      await expect(run().validate(savedOf({ [BACKUP]: content }))).rejects.toMatchObject({ code });
    }
  });
});

describe('something else', () => {
  const run = new HandlerRun(octoprint, { address: '127.0.0.1', api_key: 'x' });

  test.each([
    ['a page', '<!doctype html><title>OctoPrint Login</title>', 'device_unexpected'],
    ['other data', '{"name":"admin"}', 'device_other_kind'],
  ])('is no OctoPrint: %s', async (_name, content, code) => {
    const server = new DeviceServer((_request, response) => response.end(content));
    await server.start();
    try {
      const other = new HandlerRun(octoprint, { address: server.address, api_key: 'x' });
      await expect(other.test()).rejects.toMatchObject({ code });
      await expect(other.recognise(server.address).catch(() => undefined)).resolves.toBeUndefined();
    } finally {
      await server.stop();
    }
  });

  test.each([
    ['empty', ''],
    ['a page', '<!doctype html><html></html>'],
    ['an empty archive', Buffer.from(`504b0506${'00'.repeat(18)}`, 'hex')],
  ])('is no backup: %s', async (_name, content) => {
    await expect(run.validate(savedOf({ [BACKUP]: content }))).rejects.toMatchObject({
      code: 'artefact_wrong',
    });
  });
});
