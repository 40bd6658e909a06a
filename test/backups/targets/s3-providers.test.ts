import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addressOf } from '../../../src/backups/targets/s3/address.ts';
import type { Remark } from '../../../src/backups/targets/s3/preset.ts';
import { PRESETS, providerOf, providerOfServer } from '../../../src/backups/targets/s3/providers.ts';
import { placeholdersOf } from '../../../src/contract/generate/placeholders.ts';
import { readTexts } from '../../../src/contract/generate/texts.ts';
import { LANGUAGES, type Provider } from '../../../src/contract/index.ts';
import { type LocalCore, startLocalCore } from '../../harness/local-core.ts';
import { s3Settings } from './s3-support.ts';

const root = new URL('../../../', import.meta.url);

const filledIn = ({ endpoint }: { endpoint: string | null }, region: string): string =>
  (endpoint ?? '').replace('{region}', region).replace('{account}', 'abc123');

describe('the presets', () => {
  it.each([
    ['', 'aws', 'us-east-1'],
    ['https://s3.eu-central-1.amazonaws.com', 'aws', 'eu-central-1'],
    ['https://s3-accelerate.amazonaws.com', 'aws', 'us-east-1'],
    ['https://s3.cn-north-1.amazonaws.com.cn', 'aws', 'cn-north-1'],
    ['https://s3.eu-central-003.backblazeb2.com', 'b2', 'eu-central-003'],
    ['https://0123abc.r2.cloudflarestorage.com/bucket', 'r2', 'auto'],
    ['https://0123abc.eu.r2.cloudflarestorage.com', 'r2', 'auto'],
    ['https://s3.wasabisys.com', 'wasabi', 'us-east-1'],
    ['https://s3.eu-central-2.wasabisys.com', 'wasabi', 'eu-central-2'],
    ['https://hel1.your-objectstorage.com', 'hetzner', 'hel1'],
    ['https://fra1.digitaloceanspaces.com', 'digitalocean', 'fra1'],
    ['https://s3.nl-ams.scw.cloud', 'scaleway', 'nl-ams'],
    ['https://s3.gra.io.cloud.ovh.net', 'ovh', 'gra'],
    ['https://s3.gra.perf.cloud.ovh.net', 'ovh', 'gra'],
    ['https://s3.us-east-va.io.cloud.ovh.us', 'ovh', 'us-east-va'],
    ['https://s3.eu-west-3.idrivee2.com', 'idrive', 'eu-west-3'],
    ['https://a1b2.fra3.idrivee2-51.com', 'idrive', 'us-east-1'],
    ['https://gateway.storjshare.io', 'storj', 'us-east-1'],
    ['https://gateway.eu1.storjshare.io', 'storj', 'us-east-1'],
    ['https://eu-002.s3.synologyc2.net', 'synology-c2', 'eu-002'],
    ['https://us-east-1.linodeobjects.com', 'linode', 'us-east-1'],
    ['https://s3-eu-central-2.ionoscloud.com', 'ionos', 'eu-central-2'],
    ['https://s3.eu-central-3.ionoscloud.com', 'ionos', 'eu-central-3'],
    ['https://s3-eu-central-1.ionoscloud.com', 'ionos', 'de'],
    ['https://s3.eu-central-1.s4.mega.io', 'mega', 'eu-central-1'],
    ['https://s3.eu-amsterdam-1.megas4.com', 'mega', 'eu-amsterdam-1'],
    ['https://sos-ch-gva-2.exo.io', 'exoscale', 'ch-gva-2'],
    ['http://192.168.1.20:9000', undefined, 'us-east-1'],
    ['https://s3.wasabisys.com.example.org', undefined, 'us-east-1'],
    ['https://evil-backblazeb2.com', undefined, 'us-east-1'],
  ])('recognise %j as %s with the region %s', (endpoint, id, region) => {
    expect(providerOf(endpoint)?.id).toBe(id);
    expect(addressOf(s3Settings({}, { endpoint })).region).toBe(region);
  });

  it.each(PRESETS.map((preset) => [preset.id, preset] as const))(
    '%s: its own addresses are recognised with each of its regions',
    (id, preset) => {
      for (const region of preset.endpoint ? preset.regions : []) {
        const endpoint = filledIn(preset, region);
        expect(providerOf(endpoint)?.id, endpoint).toBe(id);
        const signed = addressOf(s3Settings({}, { endpoint })).region;
        if (preset.endpoint?.includes('{region}')) {
          expect(signed).toBe(preset.regionNames?.[region] ?? region);
        }
      }
      if (preset.endpoint) expect(providerOf(preset.example)?.id).toBe(id);
    },
  );

  it.each([
    ['MinIO', 'minio'],
    ['VERSITYGW', 'versitygw'],
    ['nginx', undefined],
    [null, undefined],
  ])('know the server that calls itself %j', (server, id) => {
    expect(providerOfServer(server)?.id).toBe(id);
  });

  it.each(LANGUAGES)(
    'have a sentence for every peculiarity, and no sentence is left over (%s)',
    (language) => {
      const { quirks } = readTexts(root, language) as unknown as { quirks: Record<string, string> };
      const remarks: Remark[] = PRESETS.flatMap((preset) => preset.quirks);
      expect(Object.keys(quirks).toSorted()).toEqual(
        [...new Set(remarks.map(({ code }) => code))].toSorted(),
      );
      for (const { code, params = {} } of remarks) {
        expect(placeholdersOf(quirks[code] ?? ''), code).toEqual(Object.keys(params).toSorted());
      }
    },
  );
});

describe('the list of providers', () => {
  let core: LocalCore;

  beforeAll(async () => {
    core = await startLocalCore();
  });
  afterAll(() => core.remove());

  async function providers(language?: string): Promise<Provider[]> {
    const headers = language === undefined ? {} : { 'accept-language': language };
    const response = await core.client.fetch('GET', '/api/v1/providers', { headers });
    return ((await response.json()) as { providers: Provider[] }).providers;
  }

  it('fills in a form', async () => {
    const known = new Map((await providers()).map((provider) => [provider.id, provider]));
    expect(known.get('b2')).toMatchObject({
      name: 'Backblaze B2',
      endpoint: 'https://s3.{region}.backblazeb2.com',
      region_rule: 'endpoint',
      keys_url: 'https://secure.backblaze.com/app_keys.htm',
    });
    expect(known.get('wasabi')).toMatchObject({ minimum_days: 90 });
    expect(known.get('scaleway')).toMatchObject({ parts: { most: 1_000 } });
    expect(known.get('aws')).toMatchObject({
      endpoint: '',
      addressing: 'virtual',
      storage_classes: expect.arrayContaining([{ name: 'DEEP_ARCHIVE', archived: true, minimum_days: 180 }]),
    });
    expect(known.get('garage')).toMatchObject({ endpoint: null, encryption: ['customer'] });
  });

  it('speaks the language of who asks', async () => {
    const quirk = (list: Provider[]) => list.find(({ id }) => id === 'wasabi')?.quirks[0];
    expect(quirk(await providers('de-AT,en;q=0.5'))).toEqual({
      code: 'minimum_days',
      text: 'Alles wird mindestens so viele Tage lang berechnet: 90.',
    });
    expect(quirk(await providers('fr'))?.text).toMatch(/^Everything is charged .*90\.$/);
  });

  it('is for those with a token only', async () => {
    expect((await fetch(`${core.url}/api/v1/providers`)).status).toBe(401);
  });
});
