#!/usr/bin/env -S node --max-semi-space-size=1
// The small young generation (1 MiB) lets the chunks of a stream go soon: 70 MB less memory and half the CPU in an upload.
import { parseArgs } from 'node:util';
import type { RunOptions } from './environment.ts';

const USAGE = `usage: homestash serve              start the core; prints one line of JSON when it is ready
       homestash pair [--url URL]    print a fresh pairing code (valid once, for 15 minutes)
       homestash token NAME          print a new token for the API, for programs of your own
       homestash setup-code          print a code with which the web page takes a new password (valid once, for 15 minutes)
       homestash checkpoint          move the database's journal into its file, before a backup of the data folder
       homestash health              status 0 when the core is well, 1 when it is not

environment:
  HOMESTASH_DATA       where everything is kept (default: homestash in the user's data home)
  HOMESTASH_STATE      where the state lies as files for other programs (default: what systemd gives as
                       RUNTIME_DIRECTORY, or state among the data)
  HOMESTASH_API_PORT   the port of the API (default: 8098; 0 takes a free one)
  HOMESTASH_BIND       the address to listen on (default: 127.0.0.1)
  HOMESTASH_LOG_LEVEL  debug, info, warning or error (default: info)
  HOMESTASH_CONFIG     a file with settings (default: homestash.yaml among the data); others name single
                       settings: see docs/provisioning.md
  HOMESTASH_STREAM_IDLE_SECONDS  a stream on which nothing moves for so long is ended (default: 120)

as an app of Home Assistant (where the Supervisor sets SUPERVISOR_TOKEN):
  HOMESTASH_DATA       default: /data; the log level is the one in its options.json
  HOMESTASH_BIND       default: 0.0.0.0
  HOMESTASH_INGRESS_PORT     the port of the web page behind ingress (default: 8099)
  HOMESTASH_INGRESS_GATEWAY  the only address that may connect to it (default: 172.30.32.2)
  HOMESTASH_SUPERVISOR       the address of the Supervisor (default: http://supervisor)
`;

/** The convention for a wrong command line (sysexits.h, EX_USAGE). */
const EXIT_USAGE = 64;

// What a command needs is loaded by that command: `health` runs every minute, and most of the program would be loaded
// for nothing.

async function environment(): Promise<RunOptions> {
  const { readEnvironment } = await import('./environment.ts');
  const { becomeOwnerOf } = await import('./run-as.ts');
  const options = readEnvironment(process.env);
  becomeOwnerOf(options.dataDir);
  return options;
}

async function serveCore(): Promise<void> {
  const { serve } = await import('./serve.ts');
  await serve(await environment());
}

async function printPairingCode(url: string | undefined): Promise<void> {
  const { pair } = await import('./one-shot.ts');
  const result = await pair(await environment(), url);
  process.stdout.write(`${result.code}\n`);
  process.stderr.write(`valid once, until ${result.expires_at}, for ${result.url}\n`);
}

async function printToken(name: string): Promise<void> {
  const { giveToken } = await import('./one-shot.ts');
  process.stdout.write(`${await giveToken(await environment(), name)}\n`);
}

async function printSetupCode(): Promise<void> {
  const { makeNewSetupCode } = await import('./one-shot.ts');
  const result = await makeNewSetupCode(await environment());
  process.stdout.write(`${result.code}\n`);
  process.stderr.write(`valid once, until ${result.expires_at}, at ${result.url}\n`);
}

async function moveJournal(): Promise<void> {
  const { checkpoint } = await import('./kernel/database.ts');
  const { dataDir } = await environment();
  if (checkpoint(dataDir)) return;
  // no failure: Home Assistant would make no backup at all, and the journal goes into it, too
  process.stderr.write('the database is being read: a part of it stays in its journal, homestash.db-wal\n');
}

async function checkHealth(): Promise<void> {
  const { askOwnHealth } = await import('./health.ts');
  await askOwnHealth(process.env);
}

async function inWords(error: unknown): Promise<string> {
  const { isProblem } = await import('./kernel/errors.ts');
  const { describeError } = await import('./kernel/log.ts');
  const { wordProblem } = await import('./kernel/texts.ts');
  const problem = isProblem(error) ? wordProblem(error) : undefined;
  return problem ? `${problem.title} ${problem.hint}` : describeError(error, 'named');
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { url: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) process.stdout.write(USAGE);
  else if (positionals.length === 1 && positionals[0] === 'serve') await serveCore();
  else if (positionals.length === 1 && positionals[0] === 'pair') await printPairingCode(values.url);
  else if (positionals.length === 1 && positionals[0] === 'health') await checkHealth();
  else if (positionals.length === 1 && positionals[0] === 'checkpoint') await moveJournal();
  else if (positionals.length === 2 && positionals[0] === 'token') await printToken(positionals[1] ?? '');
  else if (positionals.length === 1 && positionals[0] === 'setup-code') await printSetupCode();
  else {
    process.stderr.write(USAGE);
    process.exitCode = EXIT_USAGE;
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`homestash: ${await inWords(error)}\n`);
  process.exit(1);
}
