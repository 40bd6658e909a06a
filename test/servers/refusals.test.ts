import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { S3Settings } from '../../src/contract/index.ts';
import type { LocalCore } from '../harness/local-core.ts';
import { bucketInput } from '../harness/s3-target.ts';
import { Stage } from '../harness/stage.ts';
import { SERVERS, startServer } from './servers.ts';

for (const one of SERVERS) {
  describe.skipIf(!one.have)(`what a person enters wrongly for ${one.name}`, () => {
    const stage = new Stage('servers');
    let running: Awaited<ReturnType<typeof startServer>>;
    let core: LocalCore;

    beforeAll(async () => {
      [running, core] = await Promise.all([startServer(one, stage.dir), stage.localCore()]);
    });
    afterAll(async () => {
      await running?.server.stop();
      await stage.close();
    });

    /** How a round trip with these settings fails. */
    async function failure(change: Partial<S3Settings>) {
      const settings = { ca_certificate: running.authority, ...change };
      const report = await core.client.probe(bucketInput(running.server, 'Bucket', settings));
      return report.steps.find(({ outcome }) => outcome === 'failed')?.problem;
    }

    test('the key is named', async () => {
      // Of the form that the server makes: a key that it cannot have is another matter.
      const access_key = running.server.accessKey.replace(/.$/, (last) => (last === '0' ? '1' : '0'));
      expect(await failure({ access_key })).toMatchObject({ code: one.refusals.key });
    });

    test('the secret is named', async () => {
      expect(await failure({ secret_key: 'wrong' })).toMatchObject({ code: one.refusals.secret });
    });

    test('the bucket is named', async () => {
      const problem = { code: one.refusals.bucket, params: { bucket: 'missing' } };
      expect(await failure({ bucket: 'missing' })).toMatchObject(problem);
    });

    test.runIf(one.refusals.region)('the region is named, with the right one', async () => {
      const problem = { code: one.refusals.region, params: { region: running.server.region } };
      expect(await failure({ region: 'mars-1' })).toMatchObject(problem);
    });

    test.runIf(one.tls)('the authority that is missing is named', async () => {
      expect(await failure({ ca_certificate: '' })).toMatchObject({ code: 'target_tls_untrusted' });
    });
  });
}
