/**
 * Writes what is derived from the contract and the texts: the Python side, the manifest and the translations of the
 * integration. With `--check` nothing is written; what differs is named, and the status is 1.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputs } from './generate/outputs.ts';

const root = new URL('../../', import.meta.url);
const check = process.argv.includes('--check');
let drift = false;

for (const [path, content] of outputs(root)) {
  const file = fileURLToPath(new URL(path, root));
  if (existsSync(file) && readFileSync(file, 'utf8') === content) continue;
  drift = true;
  process.stderr.write(
    `${path} ${check ? 'is not what the contract says: run script/generate' : 'written'}\n`,
  );
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

process.exitCode = check && drift ? 1 : 0;
