import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { describeBackup } from '../../harness/archives.ts';
import { haveRclone, haveVersitygw } from '../../harness/cache.ts';
import { startRclone } from '../../harness/rclone.ts';
import type { S3Server } from '../../harness/s3-server.ts';
import { startVersitygw } from '../../harness/versitygw.ts';
import { waitFor } from '../../harness/wait-for.ts';
import {
  closeTargets,
  collect,
  discard,
  leftovers,
  MEMORY,
  MIB,
  noise,
  openTarget,
  problemOf,
  s3Settings,
  sha256,
  stored,
  upload,
} from './s3-support.ts';

const FOLDER = 'homeassistant/backups';

const ODD_NAMES = [
  'Automatic_backup_2026.2.0_2026-02-04_04.45.tar',
  'Nabu Casa / Webhook Proxy.tar',
  'Größe + Umlaut (1) & 100%.tar',
  "it's ~ $5 = 'x', [a] {b} ; @ ! * ?.tar",
  'a%20b+c.tar',
  '日本.tar',
];

const SERVERS = [
  { name: 'versitygw', have: haveVersitygw(), start: startVersitygw },
  { name: 'rclone', have: haveRclone(), start: startRclone },
];

for (const { name, have, start } of SERVERS) {
  describe.skipIf(!have)(`the S3 target on ${name}`, () => {
    let server: S3Server;
    beforeAll(async () => {
      server = await start();
      // Both before the first request: rclone remembers for a while what it has seen.
      server.createBucket('bucket');
      server.createBucket('find');
    });
    afterAll(() => discard(server));
    afterEach(closeTargets);

    const open = () => openTarget(s3Settings(server));

    it.each([
      ['nothing', 0],
      ['a few bytes', 10],
      ['exactly one part', 16 * MIB],
      ['one byte more than a part', 16 * MIB + 1],
      ['several parts', 40 * MIB],
    ])('stores an archive of %s and gives it back', async (_words, size) => {
      const { target, memory } = open();
      const data = noise(size);
      const writer = await upload(target, 'archive.tar', data, 60 * MIB);
      expect(stored(server, `${FOLDER}/archive.tar`)).toBeUndefined();
      await writer.commit();
      await writer.abort();

      expect(sha256(stored(server, `${FOLDER}/archive.tar`) as Buffer)).toBe(sha256(data));
      const object = await target.open('archive.tar');
      expect(object?.size).toBe(size);
      expect(sha256(await collect(object?.stream ?? []))).toBe(sha256(data));
      const stat = await target.stat('archive.tar');
      expect(stat).toMatchObject({ size, version: object?.version });
      expect(await target.list()).toMatchObject([{ ...stat, modified: expect.any(Number) }]);
      await target.delete('archive.tar');
      expect(stored(server, `${FOLDER}/archive.tar`)).toBeUndefined();
      expect(memory.free).toBe(MEMORY);
    });

    it.each(ODD_NAMES)('takes the name %s', async (key) => {
      const { target } = open();
      const data = noise(100);
      await target.put(key, data);
      expect(stored(server, `${FOLDER}/${key}`)).toEqual(data);
      expect((await target.list()).map((object) => object.key)).toEqual([key]);
      expect(await target.read(key, 100)).toEqual(data);
      expect((await target.stat(key))?.size).toBe(100);
      await (await upload(target, key, data)).commit();
      expect(stored(server, `${FOLDER}/${key}`)).toEqual(data);
      await target.delete(key);
      expect(await target.list()).toEqual([]);
    });

    it('opens ranges, and nothing where there is nothing', async () => {
      const { target } = open();
      const data = noise(1000);
      await target.put('a.tar', data);
      const bytes = async (start?: number, end?: number) => {
        const options = { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
        const object = await target.open('a.tar', options);
        expect(object?.size).toBe(1000);
        return collect(object?.stream ?? []);
      };
      expect(await bytes(990)).toEqual(data.subarray(990));
      expect(await bytes(10, 20)).toEqual(data.subarray(10, 20));
      expect(await bytes(0, 1)).toEqual(data.subarray(0, 1));
      expect(await bytes(990, 5000)).toEqual(data.subarray(990));
      expect(await bytes(5, 5)).toEqual(Buffer.alloc(0));
      expect(await bytes(1000)).toEqual(Buffer.alloc(0));
      expect(await target.open('missing.tar')).toBeUndefined();
      expect(await target.open('missing.tar', { start: 5 })).toBeUndefined();
      expect(await target.stat('missing.tar')).toBeUndefined();
      expect(await target.read('missing.tar', 5)).toBeUndefined();
      await target.delete('missing.tar');
      await target.delete('a.tar');
    });

    it('refuses what has changed, and small objects that are not small', async () => {
      const { target } = open();
      await target.put('a.json', Buffer.from('one'));
      const version = (await target.stat('a.json'))?.version ?? '';
      const same = await target.open('a.json', { version });
      expect((await collect(same?.stream ?? [])).toString()).toBe('one');
      await target.put('a.json', Buffer.from('two'));
      const problem = await problemOf(target.open('a.json', { version }));
      expect(problem.code).toBe('target_corrupt');
      expect((await problemOf(target.read('a.json', 2))).code).toBe('target_corrupt');
      await target.delete('a.json');
    });

    it('leaves nothing of an aborted archive', async () => {
      const { target, memory } = open();
      const writer = await upload(target, 'gone.tar', noise(40 * MIB));
      expect(leftovers(server)).not.toEqual([]);
      await writer.abort();
      await writer.abort();
      await waitFor('no parts', () => leftovers(server).length === 0);
      expect(stored(server, `${FOLDER}/gone.tar`)).toBeUndefined();
      expect((await problemOf(writer.commit())).code).toBe('operation_cancelled');
      expect(memory.free).toBe(MEMORY);
    });

    it('passes the round trip and leaves nothing behind', async () => {
      const { target } = open();
      const seen: string[] = [];
      const outcomes = await target.probe(({ step, outcome, problem }) =>
        seen.push(`${step} ${outcome} ${problem?.code ?? ''}`),
      );
      expect(seen).toEqual(['reach', 'write', 'list', 'read', 'multipart', 'delete'].map((s) => `${s} ok `));
      expect(outcomes).toHaveLength(6);
      expect(await target.list()).toEqual([]);
      await waitFor('no parts', () => leftovers(server).length === 0);
    });

    it('finds backups where others put them', async () => {
      const folder = (path: string, files: Record<string, string>) => {
        mkdirSync(join(server.dataDir, 'find', path), { recursive: true });
        for (const [file, text] of Object.entries(files)) {
          writeFileSync(join(server.dataDir, 'find', path, file), text);
        }
      };
      const sidecar = (date: string) => JSON.stringify(describeBackup({ date }));
      // Core's aws_s3 with the prefix "ha", its sister, CloudStash, Core's backblaze_b2 in the root.
      folder('ha', { 'a.tar': '', 'a.metadata.json': sidecar('2026-01-01T00:00:00+00:00') });
      folder('ha/backups', {
        'b.tar': '',
        'b.metadata.json': sidecar('2026-02-01T01:00:00+01:00'),
        'c.tar': '',
        'c.metadata.json': sidecar('2026-03-01T00:00:00+00:00'),
      });
      folder(FOLDER, {
        'd.tar': '',
        'd.metadata.json': '{"foreign":1}',
        'e.metadata.json': sidecar('2026-03-01T00:00:00+00:00'),
      });
      const wrapped = {
        metadata_version: '1',
        backup_id: 'x',
        backup_metadata: describeBackup({ date: '2026-04-01' }),
      };
      folder('', { 'f.tar': '', 'f.metadata.json': JSON.stringify(wrapped) });

      const { target } = openTarget(s3Settings(server, { bucket: 'find', folder: 'ha' }));
      const found = [
        { folder: 'ha', backups: 1, newest: '2026-01-01T00:00:00.000Z', current: true },
        { folder: '', backups: 1, newest: '2026-04-01T00:00:00.000Z', current: false },
        { folder: 'ha/backups', backups: 2, newest: '2026-03-01T00:00:00.000Z', current: false },
      ];
      expect(await target.find()).toEqual(found.map((place) => ({ ...place, homes: ['test'] })));
    });
  });
}

describe.skipIf(!haveVersitygw())('the S3 target on versitygw alone', () => {
  let server: S3Server;
  beforeAll(async () => {
    server = await startVersitygw();
    server.createBucket('bucket');
  });
  afterAll(() => discard(server));
  afterEach(closeTargets);

  it('follows the list over its pages, and looks into no folder from the root', async () => {
    const folder = join(server.dataDir, 'bucket', 'many');
    mkdirSync(join(folder, 'below'), { recursive: true });
    for (let index = 0; index < 1_200; index += 1) writeFileSync(join(folder, `${index}.tar`), 'x');
    writeFileSync(join(folder, 'below', 'y.tar'), 'y');
    writeFileSync(join(server.dataDir, 'bucket', 'root.tar'), 'r');
    const many = await openTarget(s3Settings(server, { folder: 'many' })).target.list();
    expect(many).toHaveLength(1_201);
    expect(new Set(many.map(({ key }) => key))).toContain('below/y.tar');
    const root = await openTarget(s3Settings(server, { folder: '' })).target.list();
    expect(root.map(({ key }) => key)).toEqual(['root.tar']);
  });

  it('sweeps what a crash left of exactly this key', async () => {
    const { target } = openTarget(s3Settings(server));
    await upload(target, 'crashed.tar', noise(20 * MIB));
    await upload(target, 'crashed.tar', noise(20 * MIB));
    const kept = await upload(target, 'crashed.tar.other', noise(20 * MIB));
    const before = leftovers(server).length;
    await target.sweep('crashed.tar');
    await waitFor('the parts of one key are gone', () => leftovers(server).length <= before / 3);
    await kept.commit();
    expect(stored(server, `${FOLDER}/crashed.tar.other`)?.length).toBe(20 * MIB);
  });
});
