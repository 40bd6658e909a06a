import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentBackup } from '../src/contract/index.ts';
import { describeBackup } from '../test/harness/archives.ts';
import { version } from '../test/harness/cache.ts';
import { agentId } from '../test/harness/core.ts';
import { installComponent, seedConfiguration } from '../test/harness/home-assistant/seed.ts';
import { type HomeAssistant, startHomeAssistant } from '../test/harness/home-assistant.ts';
import { pairWithHomeAssistant, SHIM } from '../test/harness/pairing.ts';
import {
  type ArchiveFile,
  addBucket,
  type Bench,
  type BenchServer,
  bestServer,
  MIB_PER_GIB,
  makeArchiveFile,
  type Section,
  say,
  startCore,
  startServer,
} from './bench.ts';
import { costOf, Rounds } from './measure.ts';
import { awsEnvironment, mc, PEER_PARTS, peersDir, serverVersion } from './peers.ts';
import { machine, table } from './results.ts';
import { Sink } from './sink.ts';

const COMPONENT = join(import.meta.dirname, 'home-assistant/homestash_bench');
const DOMAIN = 'homestash_bench';

/** As aws_s3 writes it since 2025.5; its own form refuses every address that is not of AWS. */
const AWS_S3_ENTRY = { version: 1, minor_version: 1 };

/** What Home Assistant's own process took, as its part of the benchmarks measured it from inside. */
interface Inside {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly lagP99Ms: number;
  /** The part of a lag in which the event loop itself worked, and did not wait for a processor. */
  readonly ownLagP99Ms: number;
  readonly lagMaxMs: number;
  readonly extraMiB: number;
}

interface Contestant {
  readonly name: string;
  readonly agent: string;
}

const DROP = 'an agent that reads and drops';
const MC = 'mc, without Home Assistant';

class Contest {
  readonly up = new Rounds<Inside>();
  readonly down = new Rounds<Inside>();
  readonly #home: HomeAssistant;
  readonly #file: ArchiveFile;

  constructor(home: HomeAssistant, file: ArchiveFile) {
    this.#home = home;
    this.#file = file;
  }

  async run({ name, agent }: Contestant): Promise<void> {
    const { path, size } = this.#file;
    const backup = describeBackup({ size });
    const call = (what: string, more: object = {}) => this.#home.call(`${DOMAIN}/${what}`, { ...more });
    this.up.add(name, (await call('upload', { agent_id: agent, file: path, backup })) as Inside);
    await call('begin');
    await this.#download(backup, agent);
    this.down.add(name, (await call('end')) as Inside);
    await call('delete', { agent_id: agent, backup_id: backup.backup_id });
  }

  /** What any upload to this server takes that is not Home Assistant's. */
  async mc(server: BenchServer, room: string): Promise<void> {
    const peer = mc(server, room);
    const copy = join(room, 'copy.tar');
    const unknown = {
      lagP99Ms: Number.NaN,
      ownLagP99Ms: Number.NaN,
      lagMaxMs: Number.NaN,
      extraMiB: Number.NaN,
    };
    this.up.add(MC, { ...(await costOf(peer.upload(this.#file.path, 'mc.tar'))), ...unknown });
    this.down.add(MC, { ...(await costOf(peer.download('mc.tar', copy))), ...unknown });
    rmSync(copy);
  }

  /** As a browser does it. */
  async #download(backup: AgentBackup, agent: string): Promise<void> {
    const query = new URLSearchParams({ agent_id: agent });
    const url = `${this.#home.url}/api/backup/download/${backup.backup_id}?${query}`;
    const token = ['-H', `Authorization: Bearer ${this.#home.token}`];
    await costOf({ command: 'curl', args: ['-sf', '-o', '/dev/null', ...token, url] });
  }
}

function rows(costs: Rounds<Inside>, perGiB: number): string[][] {
  const figure = (value: number, digits: number) => (Number.isNaN(value) ? '' : value.toFixed(digits));
  const [mcWall, dropping] = [costs.of(MC).wallSeconds, costs.of(DROP).cpuSeconds];
  return costs.names().map((name) => {
    const { wallSeconds, cpuSeconds, lagP99Ms, ownLagP99Ms, lagMaxMs, extraMiB } = costs.of(name);
    return [
      name,
      (wallSeconds * perGiB).toFixed(2),
      `${(wallSeconds / mcWall).toFixed(2)} ×`,
      (cpuSeconds * perGiB).toFixed(2),
      name === MC ? '' : `${(cpuSeconds / dropping).toFixed(1)} ×`,
      ...[figure(lagP99Ms, 1), figure(ownLagP99Ms, 1), figure(lagMaxMs, 1), figure(extraMiB, 0)],
    ];
  });
}

/** A configuration that has our part of the benchmarks, and Core's aws_s3 pointed at a server. */
function prepareHome(dir: string, { server }: BenchServer, sink: Sink): void {
  const configDir = join(dir, 'config');
  seedConfiguration(configDir);
  installComponent(configDir, COMPONENT, DOMAIN);
  const yaml = join(configDir, 'configuration.yaml');
  writeFileSync(yaml, `${readFileSync(yaml, 'utf8')}${DOMAIN}:\n  sink_url: ${sink.url}\n`);
  const file = join(configDir, '.storage/core.config_entries');
  const store = JSON.parse(readFileSync(file, 'utf8')) as { data: { entries: object[] } };
  store.data.entries.push({
    ...store.data.entries[0],
    ...AWS_S3_ENTRY,
    data: {
      access_key_id: server.accessKey,
      secret_access_key: server.secretKey,
      bucket: 'bench',
      endpoint_url: server.endpoint,
      prefix: 'aws_s3',
    },
    disabled_by: null,
    domain: 'aws_s3',
    entry_id: AWS_S3_ID,
    title: 'aws_s3',
  });
  writeFileSync(file, JSON.stringify(store));
}

const AWS_S3_ID = '01HOMESTASHBENCH0000000001';

/** Runs something while the environment has these additions, which Home Assistant inherits. */
async function withEnvironment<R>(more: Record<string, string>, run: () => Promise<R>): Promise<R> {
  const before = { ...process.env };
  Object.assign(process.env, more);
  try {
    return await run();
  } finally {
    for (const name of Object.keys(more)) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  }
}

async function over(scheme: 'http' | 'https', bench: Bench, file: ArchiveFile): Promise<string> {
  const room = join(bench.room, `home-${scheme}`);
  mkdirSync(room, { recursive: true });
  const name = bestServer();
  const stops: (() => Promise<unknown>)[] = [() => Promise.resolve(rmSync(room, { recursive: true }))];
  try {
    const server = await startServer(name, room, { tls: scheme === 'https' });
    stops.unshift(() => server.server.stop());
    const sink = await Sink.start(room);
    stops.unshift(() => sink.stop());
    const core = await startCore(bench, room);
    stops.unshift(() => core.stop());
    const target = await addBucket(core, server);
    const dir = join(room, 'home-assistant');
    prepareHome(dir, server, sink);
    const environment = { ...awsEnvironment(server), PYTHONPATH: peersDir };
    const home = await withEnvironment(environment, () => startHomeAssistant({ dir, shim: SHIM }));
    stops.unshift(() => home.stop());
    await pairWithHomeAssistant(home, core);

    const contest = new Contest(home, file);
    const contestants: Contestant[] = [
      { name: DROP, agent: `${DOMAIN}.drop` },
      { name: 'a bare PUT of aiohttp to a server that drops', agent: `${DOMAIN}.put` },
      { name: 'Homestash', agent: agentId(target) },
      { name: "Core's aws_s3", agent: `aws_s3.${AWS_S3_ID}` },
    ];
    for (let round = 1; round <= bench.rounds; round += 1) {
      say(`through Home Assistant over ${scheme}, round ${round} of ${bench.rounds}`);
      for (const one of contestants) await contest.run(one);
      await contest.mc(server, room);
    }
    const head = (what: string) => [
      `${what} of 1 GiB, ${scheme}`,
      ...['wall s', "to mc's", 'CPU s', "to dropping's", 'lag p99 ms', 'its own', 'max ms', 'extra MiB'],
    ];
    const perGiB = MIB_PER_GIB / bench.sizeMiB;
    return [
      table(head('upload'), rows(contest.up, perGiB)),
      table(head('download'), rows(contest.down, perGiB)),
    ].join('\n\n');
  } finally {
    for (const stop of stops) await stop();
  }
}

/** What moving a backup costs Home Assistant itself. */
export const throughHomeAssistant: Section = {
  name: 'home-assistant',
  needs: PEER_PARTS,
  async run(bench) {
    const file = await makeArchiveFile(join(bench.room, 'archive.tar'), bench.sizeMiB);
    const parts: string[] = [];
    for (const scheme of ['http', 'https'] as const) parts.push(await over(scheme, bench, file));
    rmSync(file.path);
    const server = serverVersion(bestServer());
    return `## Through Home Assistant

${bench.sizeMiB} MiB through Home Assistant ${version('HOME_ASSISTANT_VERSION')} to ${server} on the same machine, medians of ${bench.rounds} alternating rounds;
${machine()}. CPU, lag of the event loop and memory are those of Home Assistant's process alone; with mc, of mc.
http and https are the way to the S3 server; Home Assistant and the core speak http.

${parts.join('\n\n')}`;
  },
};
