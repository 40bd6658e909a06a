import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { imageOf, type Package, PROGRAM_IN_IMAGE } from '../../src/contract/generate/app.ts';
import { DEFAULT_API_PORT } from '../../src/contract/index.ts';
import { readEnvironment } from '../../src/environment.ts';
import { repositoryRoot } from '../harness/cache.ts';
import { parseDockerfile } from '../harness/dockerfile.ts';

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8');
const project = JSON.parse(read('package.json')) as Package & { scripts: { homestash: string } };
const image = parseDockerfile(read('Dockerfile')).at(-1);
const flags = project.scripts.homestash.split(' ').filter((word) => word.startsWith('--'));

describe('the compose file', () => {
  const { services, volumes } = parse(read('deploy/docker-compose.yml'));
  const { homestash } = services;

  test('starts the published image and nothing else', () => {
    expect(Object.keys(services)).toEqual(['homestash']);
    expect(homestash.image).toBe(`${imageOf(project)}:latest`);
  });

  test('gives it nothing that it does not need', () => {
    expect(homestash).toMatchObject({
      user: '1000:1000',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
      restart: 'unless-stopped',
    });
    expect(homestash.tmpfs[0]).toMatch(/^\/tmp\b/);
    expect(homestash.privileged ?? homestash.network_mode ?? homestash.cap_add).toBeUndefined();
  });

  test('keeps its data in a volume, and opens its port', () => {
    expect(homestash.volumes).toEqual([`data:${image?.volumes[0]}`]);
    expect(Object.keys(volumes)).toEqual(['data']);
    expect(homestash.ports).toEqual([`${DEFAULT_API_PORT}:${image?.ports[0]}`]);
  });

  test('asks for its health as the image says', () => {
    const { test: asked, ...times } = homestash.healthcheck;
    expect(asked).toEqual(['CMD', ...(image?.health.command ?? [])]);
    const options = Object.entries(image?.health.options ?? {}).map(([name, value]) => [
      name.replaceAll('-', '_'),
      name === 'retries' ? Number(value) : value,
    ]);
    expect(times).toEqual(Object.fromEntries(options));
  });

  test('sets what the program knows', () => {
    expect(() => readEnvironment(homestash.environment)).not.toThrow();
    expect(readEnvironment(homestash.environment).logLevel).toBe('info');
  });
});

describe('the unit of systemd', () => {
  const unit = read('deploy/systemd/homestash.service');

  test('starts the program as the image does, as far as Node goes', () => {
    const start = /^ExecStart=(.*)$/m.exec(unit)?.[1]?.split(' ');
    expect(start?.slice(1)).toEqual([
      ...flags,
      PROGRAM_IN_IMAGE.replace('/app/', '/opt/homestash/current/'),
      'serve',
    ]);
  });

  test('and its commands keep to the same data', () => {
    const data = /^Environment=HOMESTASH_DATA=(.*)$/m.exec(unit)?.[1];
    expect(read('deploy/systemd/homestash')).toContain(`HOMESTASH_DATA=${data}`);
    expect(read('deploy/systemd/lib.sh')).toContain(`DATA=${data}`);
    expect(unit).toContain(`StateDirectory=${data?.replace('/var/lib/', '')}`);
  });
});

const SHELLCHECK = '/usr/bin/shellcheck';

test.skipIf(!existsSync(SHELLCHECK))('shellcheck has nothing to say about what people run', () => {
  const scripts = ['install.sh', 'update.sh', 'lib.sh', 'homestash'].map((name) => `deploy/systemd/${name}`);
  const checked = ['-x', '-P', 'deploy/systemd', ...scripts, 'script/smoke-image'];
  execFileSync(SHELLCHECK, checked, { cwd: repositoryRoot });
});

test('a release has the integration under the name that the Marketplace asks for', () => {
  const { zip_release, filename } = JSON.parse(read('hacs.json'));
  expect([zip_release, filename]).toEqual([true, 'homestash.zip']);
  const steps = parse(read('.github/workflows/release.yml')).jobs.integration.steps as { run?: string }[];
  const pack = steps.map(({ run }) => run ?? '').find((run) => run.startsWith('git archive'));
  expect(pack).toContain('HEAD:custom_components/homestash');
});
