import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Device, DeviceImport, FoundDevices } from '../../src/contract/index.ts';
import { parseTable } from '../../src/devices/import.ts';
import { type LocalCore, startLocalCore } from '../harness/local-core.ts';
import { SmallDevice } from './wled-like.ts';

describe('a table', () => {
  test('is read with commas, semicolons and tabs, with quotes, and without empty lines', () => {
    for (const separator of [',', ';', '\t']) {
      const text = `\uFEFFkind${separator}name\r\n\r\nwled${separator}"a ""b"" ${separator} c"\r\n`;
      expect(parseTable(text)).toEqual([
        { line: 1, cells: ['kind', 'name'] },
        { line: 3, cells: ['wled', `a "b" ${separator} c`] },
      ]);
    }
  });

  test('keeps line breaks and blanks inside of quotes', () => {
    expect(parseTable('a,b\n"x\ny",z\nlast, " p w " \nand,""')).toEqual([
      { line: 1, cells: ['a', 'b'] },
      { line: 2, cells: ['x\ny', 'z'] },
      { line: 4, cells: ['last', ' p w '] },
      { line: 5, cells: ['and', ''] },
    ]);
  });

  test('with a quotation mark that is not closed is not read: the rest of it would be one cell', () => {
    expect(() => parseTable('a,b\nc,"d\ne,f\n')).toThrow(
      expect.objectContaining({ params: { detail: 'line 2: a quotation mark without its second' } }),
    );
  });
});

describe('devices', () => {
  const devices = [new SmallDevice('000000000001'), new SmallDevice('000000000002')] as const;
  let core: LocalCore;

  beforeAll(async () => {
    for (const { server } of devices) await server.start();
    core = await startLocalCore();
  });
  afterAll(async () => {
    await core.remove();
    for (const { server } of devices) await server.stop();
  });

  const run = (csv: string, save: boolean) =>
    core.client.call<DeviceImport>('POST', '/api/v1/devices/import', { csv, save });
  const list = async () => (await core.client.call<{ devices: Device[] }>('GET', '/api/v1/devices')).devices;
  const discover = (addresses: string) =>
    core.client.call<FoundDevices>('POST', '/api/v1/devices/discover', { addresses });

  test('are found by their addresses, and what is none is named', async () => {
    const [first] = devices;
    const found = await discover(`${first.address}, 127.0.0.1:9\n`);
    expect(found.devices).toEqual([
      expect.objectContaining({
        ...{ kind: 'wled', name: 'Shelf', address: first.address, source: 'address', known_as: null },
        identity: expect.objectContaining({ id: '000000000001' }),
      }),
    ]);
    expect(found.unknown).toEqual(['127.0.0.1:9']);
    await expect(discover('not@an?address')).rejects.toThrow('invalid_request');
  });

  test('come out of a table after it was looked at, each line with what became of it', async () => {
    const [first, second] = devices;
    const csv = [
      'Kind;Name;Address;Schedule;Pin',
      `WLED;Kitchen;${first.address};weekly;`,
      `wled;;${second.address};;`,
      `wled;Again;${first.address};;`,
      'toaster;Toaster;10.0.0.1;;',
      'wled;No address;;;',
      `wled;Away;127.0.0.1:9;;`,
    ].join('\n');
    const looked = await run(csv, false);
    expect(looked.rows.map(({ line, outcome }) => [line, outcome])).toEqual([
      [2, 'valid'],
      [3, 'valid'],
      [4, 'valid'],
      [5, 'failed'],
      [6, 'failed'],
      [7, 'valid'],
    ]);
    expect(await list()).toEqual([]);
    const done = await run(csv, true);
    expect(done.rows.map(({ outcome, problem }) => [outcome, problem?.code ?? null])).toEqual([
      ['added', null],
      ['added', null],
      ['known', 'device_exists'],
      ['failed', 'device_kind_unknown'],
      ['failed', 'invalid_request'],
      ['failed', 'device_refused'],
    ]);
    expect((await list()).map(({ name, schedule }) => [name, schedule])).toEqual([
      ['Kitchen', 'weekly'],
      ['Shelf', 'daily'],
    ]);
    expect((await discover(first.address)).devices[0]?.known_as).not.toBeNull();
  });

  test('need a first line that names the columns', async () => {
    await expect(run('wled;Kitchen;10.0.0.1', true)).rejects.toThrow('device_import_header');
  });
});
