import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { type Package, PROGRAM_IN_IMAGE } from '../../src/contract/generate/app.ts';
import { DEFAULT_API_PORT } from '../../src/contract/index.ts';
import { repositoryRoot } from '../harness/cache.ts';
import { parseDockerfile } from '../harness/dockerfile.ts';

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const project = JSON.parse(read('package.json')) as Package & { scripts: { homestash: string } };
const stages = parseDockerfile(read('Dockerfile'), { BUILD_VERSION: '1.2.3' });
const image = stages.at(-1);
if (!image) throw new Error('the Dockerfile is empty');

describe('the image', () => {
  test('is made with the Node with which everything is tested', () => {
    const { optionalDependencies } = JSON.parse(read('tools/node-runtime/package.json'));
    const versions = new Set(Object.values(optionalDependencies));
    expect(versions.size).toBe(1);
    const node = `node:${[...versions][0]}-trixie-slim`;
    expect(stages.map(({ base }) => base)).toEqual([node, node, 'debian:trixie-slim']);
  });

  test('starts the program with the flags of Node that it is meant to have', () => {
    const flags = project.scripts.homestash.split(' ').filter((word) => word.startsWith('--'));
    expect(image.command).toEqual(['node', ...flags, PROGRAM_IN_IMAGE, 'serve']);
  });

  test('is asked for its health by Node itself, and often while it starts', () => {
    expect(image.health.command).toEqual(['node', PROGRAM_IN_IMAGE, 'health']);
    expect(image.health.options).toMatchObject({ 'start-period': '60s', 'start-interval': '2s' });
  });

  test('says what the Supervisor and registries want to know', () => {
    const { arch, name } = parse(read('addon/config.yaml')) as { arch: string[]; name: string };
    expect(image.labels).toMatchObject({
      'io.hass.type': 'app',
      'io.hass.arch': arch.join('|'),
      'io.hass.name': name,
      'io.hass.version': '1.2.3',
      'org.opencontainers.image.version': '1.2.3',
      'org.opencontainers.image.description': project.description,
      'org.opencontainers.image.url': project.homepage,
      'org.opencontainers.image.source': project.homepage,
      'org.opencontainers.image.licenses': 'MIT',
    });
  });

  test('keeps its data in a volume, and listens where others reach it', () => {
    expect(image.env).toMatchObject({ HOMESTASH_DATA: '/data', HOMESTASH_BIND: '0.0.0.0' });
    // in memory in every container: no SD card is worn by what changes all the time
    expect(image.env.HOMESTASH_STATE).toMatch(/^\/dev\/shm\//);
    expect(image.volumes).toEqual(['/data']);
    expect(image.ports).toEqual([String(DEFAULT_API_PORT)]);
    expect(image.stopSignal).toBe('SIGTERM');
  });

  test('holds the program and what it needs, and is asked to run no script', () => {
    const copied = image.steps.flatMap((step) => (step.kind === 'copy' ? step.sources : []));
    expect(copied.toSorted()).toEqual([
      '/app/dist',
      '/app/node_modules',
      '/usr/local/bin/node',
      'LICENSE',
      'package.json',
      'translations',
    ]);
  });
});

describe('what is sent to the builder', () => {
  const allowed = read('.dockerignore')
    .split('\n')
    .filter((line) => line.startsWith('!'))
    .map((line) => line.slice(1));

  test('is what the Dockerfile names, and nothing else', () => {
    expect(read('.dockerignore')).toMatch(/^\*$/m);
    const named = stages
      .flatMap(({ steps }) => steps)
      .flatMap((step) => (step.kind === 'copy' && step.from === undefined ? step.sources : []))
      .map((source) => source.split('/')[0]);
    expect(allowed.toSorted()).toEqual([...new Set(named)].toSorted());
  });
});
