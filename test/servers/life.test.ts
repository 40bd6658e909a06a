import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Target, TargetInput } from '../../src/contract/index.ts';
import { type MadeBackup, makeBackup, sumOf } from '../harness/archives.ts';
import type { CoreProcess } from '../harness/core.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { waitFor } from '../harness/wait-for.ts';
import { SERVERS, startServer } from './servers.ts';
import { Witness } from './witness.ts';

const MIB = 1024 * 1024;

/** More than two parts of any size that the core chooses for it. */
const LARGE_BYTES = 40 * MIB;

for (const one of SERVERS) {
  describe.skipIf(!one.have)(`a target on ${one.name}`, () => {
    const stage = new Stage('servers');
    let running: Awaited<ReturnType<typeof startServer>>;
    let witness: Witness;
    let core: CoreProcess;
    let input: TargetInput;
    let target: Target;

    beforeAll(async () => {
      [running, core] = await Promise.all([startServer(one, stage.dir), stage.core()]);
      witness = new Witness(running);
      input = bucketInput(running.server, 'Bucket', { ca_certificate: running.authority });
    });
    afterAll(async () => {
      witness?.close();
      await running?.server.stop();
      await stage.close();
    });

    const listed = async () => (await core.client.list(target.id, 0)).backups;
    const archiveOf = ({ backup }: MadeBackup, range?: string) =>
      core.client.fetch('GET', `/api/v1/targets/${target.id}/backups/${backup.backup_id}/archive`, {
        headers: range === undefined ? {} : { range },
      });
    const bytes = async (response: Response) => Buffer.from(await response.arrayBuffer());

    test('passes its round trip, leaves nothing of it behind, and is added', async () => {
      const report = await core.client.probe(input);
      expect(report.steps.map(({ step, outcome, problem }) => [step, outcome, problem?.code])).toEqual(
        ['reach', 'write', 'list', 'read', 'multipart', 'delete'].map((step) => [step, 'ok', undefined]),
      );
      expect(report.ok).toBe(true);
      target = await core.client.addTarget(input);
      expect(await listed()).toEqual([]);
      expect(await witness.objects()).toEqual([]);
      expect(await witness.unfinished()).toEqual([]);
    });

    test('takes a small backup with an odd name, gives it back whole and in ranges, and deletes it', async () => {
      const made = makeBackup({ name: "Größe + Umlaut (1) & 100% / it's 日本" });
      await core.client.upload(target.id, made.backup, made.archive);
      const objects = await witness.objects();
      expect(objects).toHaveLength(2);
      expect(objects.find(({ key }) => key.endsWith('.tar'))?.size).toBe(made.archive.length);
      expect(await listed()).toMatchObject([
        { backup: { name: made.backup.name, size: made.archive.length }, crc32: sumOf(made.archive).crc32 },
      ]);
      expect((await core.client.download(target.id, made.backup.backup_id)).equals(made.archive)).toBe(true);
      const middle = await archiveOf(made, 'bytes=1000-1999');
      expect(middle.status).toBe(206);
      expect((await bytes(middle)).equals(made.archive.subarray(1000, 2000))).toBe(true);
      await core.client.delete(target.id, made.backup.backup_id);
      expect(await listed()).toEqual([]);
      expect(await witness.objects()).toEqual([]);
    });

    test('takes a large backup in parts, and gives it back whole and from any place', async () => {
      const made = makeBackup({}, LARGE_BYTES);
      await core.client.upload(target.id, made.backup, made.archive);
      expect(await witness.unfinished()).toEqual([]);
      expect((await core.client.download(target.id, made.backup.backup_id)).equals(made.archive)).toBe(true);
      const [from, to] = [16 * MIB - 100, 32 * MIB + 100];
      const across = await bytes(await archiveOf(made, `bytes=${from}-${to - 1}`));
      expect(across.equals(made.archive.subarray(from, to))).toBe(true);
      const tail = await bytes(await archiveOf(made, 'bytes=-1000'));
      expect(tail.equals(made.archive.subarray(-1000))).toBe(true);
      await core.client.delete(target.id, made.backup.backup_id);
      expect(await witness.objects()).toEqual([]);
    });

    test('is swept after a crash in the middle of an upload', async () => {
      const { backup, archive } = makeBackup({}, LARGE_BYTES);
      const { id } = await core.client.announce(target.id, backup);
      const half = new ReadableStream<Uint8Array>({
        start: (controller) => controller.enqueue(new Uint8Array(archive.subarray(0, 36 * MIB))),
      });
      const cut = core.client.send(target.id, id, half);
      const broken = expect(cut).rejects.toThrow();
      await waitFor('parts at the server', async () => (await witness.unfinished()).length > 0);
      await core.kill9();
      await broken;
      await core.start();
      await waitFor('nothing left of them', async () => (await witness.unfinished()).length === 0);
      expect(await listed()).toEqual([]);
      expect(await witness.objects()).toEqual([]);
    });
  });
}
