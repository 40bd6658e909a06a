import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { outputs } from '../../src/contract/generate/outputs.ts';
import { PATHS, PROBLEMS } from '../../src/contract/index.ts';

const root = new URL('../../', import.meta.url);

test('what is committed is what the contract says', () => {
  const written = [...outputs(root)].map(([path, content]) => [
    path,
    readFileSync(new URL(path, root), 'utf8') === content,
  ]);
  expect(written).toEqual(written.map(([path]) => [path, true]));
});

test('generating twice gives the same', () => {
  expect([...outputs(root)]).toEqual([...outputs(root)]);
});

test('the check writes nothing and succeeds without drift', () => {
  execFileSync(process.execPath, ['src/contract/generate.ts', '--check'], { cwd: root });
});

test('every path and every problem is known on the Python side', () => {
  const python = outputs(root).get('custom_components/homestash/contract.py') ?? '';
  for (const name of Object.keys(PATHS)) {
    expect(python).toMatch(new RegExp(`^(PATH_${name.toUpperCase()}: Final|def path_${name}\\()`, 'm'));
  }
  for (const [code, { kind }] of Object.entries(PROBLEMS))
    expect(python).toContain(`    "${code}": "${kind}",\n`);
});

test('the manifest is one that Home Assistant loads', () => {
  const manifest = JSON.parse(outputs(root).get('custom_components/homestash/manifest.json') ?? '');
  const { version } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  expect(manifest).toMatchObject({ domain: 'homestash', version, requirements: [], config_flow: true });
  const keys = Object.keys(manifest);
  // hassfest: domain and name first, the rest in alphabetical order
  expect(keys).toEqual(['domain', 'name', ...keys.slice(2).toSorted()]);
});
