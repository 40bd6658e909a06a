import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot } from '../test/harness/cache.ts';

const FILE = join(repositoryRoot, 'bench/RESULTS.md');
const GIB = 1024 ** 3;

const HEAD = `# Results

Each section is written by \`script/bench\`, and can be made anew on its own: \`script/bench --only NAME\`.
How they are measured and what they taught stands in [docs/performance.md](../docs/performance.md).
`;

const begin = (name: string) => `<!-- ${name} -->`;

/** The machine in one line. */
export function machine(): string {
  const [first] = cpus();
  const memory = `${Math.round(totalmem() / GIB)} GiB`;
  return `${cpus().length} × ${first?.model.trim()}, ${memory}, Linux ${release()}, Node ${process.versions.node}`;
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** The sections of the file, by name. */
function sections(): Map<string, string> {
  const found = new Map<string, string>();
  if (!existsSync(FILE)) return found;
  const parts = readFileSync(FILE, 'utf8').split(/^<!-- ([\w-]+) -->$/m);
  for (let at = 1; at < parts.length; at += 2) {
    found.set(parts[at] as string, (parts[at + 1] as string).trim());
  }
  return found;
}

/** Writes a section in place of the one of that name; the others stay. `order` names all that there may be. */
export function writeSection(name: string, text: string, order: readonly string[]): void {
  const all = sections().set(name, text.trim());
  const known = order.filter((one) => all.has(one));
  const body = known.map((one) => `\n${begin(one)}\n\n${all.get(one)}\n`);
  writeFileSync(FILE, HEAD + body.join(''));
}
