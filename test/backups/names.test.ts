import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { haveVersitygw } from '../harness/cache.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { BucketOnDisk, bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';

const DATE = '2026-02-04T04:45:06.789012+01:00';
// As Home Assistant appends it to a name, in components/backup/util.py.
const STAMP = '2026-02-04_04.45_06789012';

// What a person may call a backup, and the stem of its files; undefined where it cannot name a file to the letter.
const NAMES: readonly [name: string, stem: string | undefined][] = [
  ['Automatic backup 2026.2.0', 'Automatic_backup_2026.2.0_'],
  ['  two   blanks\t', 'two_blanks_'],
  ['Größe + Umlaut (1) & 100%', 'Größe_+_Umlaut_(1)_&_100%_'],
  ["it's ~ $5 = 'x', [a] {b}; @! * ?", "it's_~_$5_=_'x',_[a]_{b};_@!_*_?_"],
  ['日本 💾', '日本_💾_'],
  ['', ''],
  ['../../etc/passwd', undefined],
  ['.hidden', undefined],
  ['back\\slash', undefined],
  ['zero\0byte', undefined],
  ['half a \ud83d pair', undefined],
  ['long '.repeat(60), undefined],
  ['長'.repeat(120), undefined],
];

function suite(
  where: string,
  prepare: () => Promise<{ core: LocalCore; target: Target; files(): string[] }>,
) {
  let core: LocalCore;
  let target: Target;
  let files: () => string[];
  beforeAll(async () => {
    ({ core, target, files } = await prepare());
  });

  test.for(NAMES)(`${where} takes a backup called %j`, async ([name, stem]) => {
    const { backup, archive } = makeBackup({ name, date: DATE });
    await core.client.upload(target.id, backup, archive);
    const expected = stem === undefined ? expect.stringContaining(backup.backup_id) : `${stem}${STAMP}.tar`;
    expect(files()).toEqual([expect.stringMatching(/\.metadata\.json$/), expected]);
    for (const file of files()) expect(Buffer.byteLength(file)).toBeLessThan(256);
    const { backups } = await core.client.list(target.id, 0);
    expect(backups.map((stored) => stored.backup.name)).toEqual([name]);
    expect(await core.client.download(target.id, backup.backup_id)).toEqual(archive);
    await core.client.delete(target.id, backup.backup_id);
    expect(files()).toEqual([]);
  });
}

const stage = new Stage('names');
afterAll(() => stage.close());

describe('odd names in a folder', () => {
  suite('a folder', async () => {
    const core = await stage.localCore();
    const folder = join(core.dataDir, 'backups');
    const files = () => readdirSync(folder).filter((name) => name !== '.homestash-target');
    return { core, target: await core.firstTarget(), files: () => files().sort() };
  });
});

describe.skipIf(!haveVersitygw())('odd names in a bucket', () => {
  suite('a bucket', async () => {
    const [server, core] = await Promise.all([stage.s3(), stage.localCore()]);
    const bucket = new BucketOnDisk(server);
    const target = await core.client.addTarget(bucketInput(server, 'Bucket', { folder: '' }));
    return { core, target, files: () => bucket.keys() };
  });
});
