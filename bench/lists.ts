// How long a list of many backups takes: for listing.ts, which runs this beside a server or at the end of a line.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { describeBackup } from '../test/harness/archives.ts';
import type { S3Server, Whereabouts } from '../test/harness/s3-server.ts';
import { bucketInput } from '../test/harness/s3-target.ts';
import { waitFor } from '../test/harness/wait-for.ts';
import { type Bench, bestServer, say, startCore, startServer } from './bench.ts';
import { median } from './measure.ts';

export const LISTED = 1_000;
const CATALOGUE_ROUNDS = 20;
const FOLDER = 'many';
const POLL_MS = 2;
const WORKERS = 16;

/** Milliseconds. */
export interface ListTimes {
  /** A bucket that the core has never seen: from the answer that it was added to the whole list. */
  readonly first: number;
  /** What the core knows already. */
  readonly catalogue: number;
  /** One request after the other, as others do it. */
  readonly oneByOne: number;
}

function clientOf(server: S3Server): S3Client {
  return new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
  });
}

/** Stores backups of one byte. */
async function fill(server: S3Server): Promise<void> {
  const client = clientOf(server);
  const put = (name: string, Body: string) =>
    client.send(new PutObjectCommand({ Bucket: 'bench', Key: `${FOLDER}/${name}`, Body }));
  let next = 0;
  const worker = async () => {
    for (let index = next++; index < LISTED; index = next++) {
      await put(`${index}.tar`, 'x');
      await put(`${index}.metadata.json`, JSON.stringify(describeBackup({ size: 1 })));
    }
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
  client.destroy();
}

async function elapsed(what: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await what();
  return performance.now() - start;
}

/** A list, and then one description after the other over one connection that stays open. */
async function oneByOne(server: S3Server): Promise<void> {
  const client = clientOf(server);
  const where = { Bucket: 'bench' };
  let read = 0;
  let next: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ ...where, Prefix: `${FOLDER}/`, ContinuationToken: next }),
    );
    for (const { Key } of page.Contents ?? []) {
      if (!Key?.endsWith('.metadata.json')) continue;
      const { Body } = await client.send(new GetObjectCommand({ ...where, Key }));
      JSON.parse((await Body?.transformToString()) ?? '');
      read += 1;
    }
    next = page.NextContinuationToken;
  } while (next);
  client.destroy();
  if (read !== LISTED) throw new Error(`${read} descriptions were read`);
}

/** Measures on a server at some place. */
export async function listTimes(bench: Bench, name: string, where: Whereabouts): Promise<ListTimes> {
  const room = join(bench.room, name);
  mkdirSync(room, { recursive: true });
  const running = await startServer(bestServer(), room, where);
  await fill(running.server);
  const rounds: { first: number; oneByOne: number }[] = [];
  const catalogue: number[] = [];
  try {
    for (let round = 1; round <= bench.rounds; round += 1) {
      say(`${name}, round ${round} of ${bench.rounds}`);
      const core = await startCore(bench, join(room, `round-${round}`));
      try {
        const input = bucketInput(running.server, 'many', { bucket: 'bench', folder: FOLDER });
        const target = await core.client.addTarget(input);
        const complete = async () => (await core.client.list(target.id)).backups.length === LISTED;
        const first = await elapsed(() => waitFor('the whole list', complete, { intervalMs: POLL_MS }));
        for (let again = 0; again < CATALOGUE_ROUNDS; again += 1) {
          catalogue.push(await elapsed(() => core.client.list(target.id)));
        }
        rounds.push({ first, oneByOne: await elapsed(() => oneByOne(running.server)) });
      } finally {
        await core.stop();
      }
    }
  } finally {
    await running.server.stop();
    rmSync(room, { recursive: true, force: true });
  }
  return {
    first: median(rounds.map(({ first }) => first)),
    catalogue: median(catalogue),
    oneByOne: median(rounds.map((round) => round.oneByOne)),
  };
}
