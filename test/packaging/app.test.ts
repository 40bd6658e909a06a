import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { appChangelog, imageOf, type Package } from '../../src/contract/generate/app.ts';
import { DEFAULT_API_PORT, LANGUAGES } from '../../src/contract/index.ts';
import { makeBackup } from '../harness/archives.ts';
import { repositoryRoot } from '../harness/cache.ts';
import type { CoreProcess } from '../harness/core.ts';
import { sourceFiles } from '../harness/sources.ts';
import { Stage } from '../harness/stage.ts';
import { appFaults, type Configuration, isLeftOut } from './app-rules.ts';

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const configuration = parse(read('addon/config.yaml')) as Configuration;
const project = JSON.parse(read('package.json')) as Package;
const texts = Object.fromEntries(
  LANGUAGES.map((language) => [
    language,
    parse(read(`addon/translations/${language}.yaml`)) as Configuration,
  ]),
);

describe('the app', () => {
  test('is one that the Supervisor takes, and asks for no power that costs it trust', () =>
    expect(appFaults(configuration, texts)).toEqual([]));

  test.for<[Configuration, string]>([
    [{ slag: 'x' }, 'slag is no key'],
    [{ timeout: 10 }, 'timeout repeats'],
    [{ name: undefined }, 'name is missing'],
    [{ host_network: true }, 'host_network must not'],
    [{ image: 'ghcr.io/Homestash/homestash' }, 'the image'],
    [{ image: 'ghcr.io/homestash/homestash:0.1.0' }, 'the image'],
    [{ options: {} }, 'log_level has no value'],
    [{ schema: {} }, 'log_level has no type'],
    [{ options: { log_level: 'loud' } }, 'none of'],
    [{ schema: { log_level: 'text' } }, 'unknown type'],
    [{ ports: { '80/tcp': 80 } }, 'the texts name the ports'],
  ])('%j would be noticed', ([change, word]) => {
    const changed = Object.fromEntries(
      Object.entries({ ...configuration, ...change }).filter(([, value]) => value !== undefined),
    );
    expect(appFaults(changed, texts).join('; ')).toContain(word);
  });

  test('is the version of the program, from the image of this repository', () => {
    expect(configuration).toMatchObject({ version: project.version, image: imageOf(project) });
    expect(imageOf({ repository: { url: 'git@github.com:Some-One/HomeStash.git' } })).toBe(
      'ghcr.io/some-one/homestash',
    );
  });

  test('is closed to the network until a person opens its port', () =>
    expect(configuration.ports).toEqual({ [`${DEFAULT_API_PORT}/tcp`]: null }));

  test('needs the Home Assistant that the integration needs', () =>
    expect(configuration.homeassistant).toBe(JSON.parse(read('hacs.json')).homeassistant));

  test('announces itself to the integration of its name', () => {
    const { domain } = JSON.parse(read('custom_components/homestash/manifest.json'));
    expect(configuration.discovery).toEqual([domain]);
  });

  test.for([
    ['icon.png', 128, 128],
    ['logo.png', 430, 100],
  ] as const)('has a picture %s of %d × %d', ([name, width, height]) => {
    const png = readFileSync(join(repositoryRoot, 'addon', name));
    // the header chunk of a PNG: eight bytes of signature, eight of the chunk's own, then width and height
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([width, height]);
  });

  test('is the only thing in the repository that the Supervisor takes for an app', () => {
    const apps = sourceFiles().filter((file) => /^config\.(ya?ml|json)$/.test(basename(file)));
    expect(apps).toEqual(['addon/config.yaml']);
  });

  test('lives with exactly one integration', () => {
    const integrations = sourceFiles().filter((file) => file.startsWith('custom_components/'));
    expect(new Set(integrations.map((file) => file.split('/')[1]))).toEqual(new Set(['homestash']));
  });
});

describe('its changelog', () => {
  const kept = '# Changelog\n\nWords.\n\n## [Unreleased]\n\n- New, see [faults](docs/faults.md).\n';
  const released = `${kept}\n## [1.2.0] - 2027-01-02\n\n- Old, see [HA](https://example.org).\n`;
  const of = (text: string, version: string) => appChangelog(text, { ...project, version });

  test('calls what is not released the version that it will be', () => {
    const shown = of(released, '1.3.0');
    expect(shown).toMatch(/^## 1\.3\.0$/m);
    expect(shown).toMatch(/^## 1\.2\.0 - 2027-01-02$/m);
    expect(shown).not.toContain('Unreleased');
  });

  test('leaves out what comes after the version in question', () => {
    const shown = of(released, '1.2.0');
    expect(shown).toMatch(/^## 1\.2\.0 /m);
    expect(shown).not.toMatch(/New|Unreleased/);
  });

  test('has links that work outside of the repository', () => {
    expect(of(released, '1.3.0')).toContain(`](${project.homepage}/blob/main/docs/faults.md)`);
    expect(of(released, '1.3.0')).toContain('](https://example.org)');
  });

  test('names the version that is offered, as Home Assistant looks for it', () =>
    expect(read('addon/CHANGELOG.md')).toContain(`# ${project.version}\n`));
});

describe('a backup of the app', () => {
  const stage = new Stage('app-backup');
  let core: CoreProcess;
  const patterns = configuration.backup_exclude as string[];

  beforeAll(async () => {
    core = await stage.core();
  });
  afterAll(() => stage.close());

  test('holds what cannot be had again, and no backup of Home Assistant', async () => {
    const [folder] = await core.client.targets();
    const { backup, archive } = makeBackup();
    await core.client.upload(folder?.id ?? '', backup, archive);
    const found = readdirSync(core.dataDir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(core.dataDir, join(entry.parentPath, entry.name)));
    expect(found.some((file) => file.endsWith('.tar'))).toBe(true);
    const kept = found.filter((file) => !isLeftOut(`/data/${file}`, patterns));
    // a new file belongs here if a restored Homestash needs it; else among what src/contract/generate/app.ts leaves out
    expect(kept.toSorted()).toEqual([
      'backups/.homestash-target',
      'homestash.db',
      'homestash.db-wal',
      'secret.key',
    ]);
  });

  test.for([
    'homestash.before-7.db',
    'copies/homestash-2026-11-25.db',
    'log/homestash.log',
    'cache/listing.json',
    'tmp/anything',
    'backups/Some backup.tar',
    'backups/folder/Some backup.tar',
    'backups/.2f1d-0b7c.partial',
  ])('leaves out %s', (file) => expect(isLeftOut(`/data/${file}`, patterns)).toBe(true));
});
