// usage: providers.ts [--check]
// Writes the table of presets into docs/providers.md, between two marks. With --check it only says whether it differs.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { providersIn } from '../../src/backups/targets/s3/providers.ts';
import type { Provider } from '../../src/contract/index.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/providers.md', import.meta.url));
const [BEGIN, END] = ['<!-- presets: written by script/generate -->', '<!-- /presets -->'];

const ENCRYPTION = { s3: 'SSE-S3', kms: 'SSE-KMS', customer: 'SSE-C' } as const;

const code = (text: string): string => `\`${text}\``;

function addressOf({ endpoint, example }: Provider): string {
  if (endpoint === '') return 'empty';
  return endpoint === null ? `your own, such as ${code(example)}` : code(endpoint);
}

function regionOf({ region_rule, regions, endpoint }: Provider): string {
  const known = regions.map(code).join(' ');
  switch (region_rule) {
    case 'endpoint':
      return known === '' ? 'in the address' : `in the address: ${known}`;
    case 'chosen':
      return endpoint === null
        ? `the server's own${known && `, usually ${known}`}`
        : `to be entered: ${known}`;
    case 'fixed':
      return `always ${known}`;
    case 'any':
      return 'any';
  }
}

function classesOf({ storage_classes }: Provider): string {
  return storage_classes
    .map(({ name, archived, minimum_days }) => {
      const remarks = [archived ? 'archive' : '', minimum_days === null ? '' : `${minimum_days} days`];
      const known = remarks.filter(Boolean).join(', ');
      return code(name) + (known && ` (${known})`);
    })
    .join('<br>');
}

function linksOf({ docs_url, keys_url }: Provider): string {
  const links = [docs_url && `[S3](${docs_url})`, keys_url && `[keys](${keys_url})`];
  return links.filter(Boolean).join(' ');
}

function tableOf(head: readonly string[], rows: readonly string[][]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function presets(): string {
  const providers = providersIn('en').filter(({ id }) => id !== 'other');
  const addresses = tableOf(
    ['provider', 'address', 'region', 'links'],
    providers.map((one) => [one.name, addressOf(one), regionOf(one), linksOf(one)]),
  );
  const peculiar = tableOf(
    ['provider', 'to be known', 'storage classes (shortest time charged for)', 'encryption by the store'],
    providers.map((one) => [
      one.name,
      one.quirks.map(({ text }) => text).join('<br>'),
      classesOf(one),
      one.encryption.map((kind) => ENCRYPTION[kind]).join(', '),
    ]),
  );
  return `${addresses}\n\n${peculiar}`;
}

/** The document as it should be. */
export function providersDocument(now: string): string {
  const [before, rest] = now.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('docs/providers.md has lost its marks');
  return `${before}${BEGIN}\n${presets()}\n${END}${after}`;
}

/** The document as it is. */
export const readProvidersDocument = (): string => readFileSync(DOCUMENT, 'utf8');

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const now = readProvidersDocument();
  const wanted = providersDocument(now);
  const check = process.argv.includes('--check');
  if (now !== wanted) {
    process.stderr.write(
      `docs/providers.md ${check ? 'is not what the presets say: run script/generate' : 'written'}\n`,
    );
    if (check) process.exitCode = 1;
    else writeFileSync(DOCUMENT, wanted);
  }
}
