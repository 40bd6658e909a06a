import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as v from 'valibot';
import { S3Settings, type TargetInput } from '../../src/contract/index.ts';
import type { S3Server } from './s3-server.ts';

/** What a person enters to add a bucket of this server. */
export function bucketInput(
  server: S3Server,
  name: string,
  change: Partial<S3Settings> = {},
): TargetInput & { settings: S3Settings } {
  return {
    name,
    settings: v.parse(S3Settings, {
      kind: 's3',
      endpoint: server.endpoint,
      region: server.region,
      bucket: 'backups',
      access_key: server.accessKey,
      secret_key: server.secretKey,
      ...change,
    }),
  };
}

// versitygw's folder for multipart uploads that are under way.
const UNFINISHED = '.sgwtmp';

/** What a target leaves in its folder once, to recognise it by. */
export const MARK = '.homestash.json';

/** A bucket as its server's disk knows it: a witness that is none of our code. */
export class BucketOnDisk {
  readonly #dir: string;

  constructor(server: S3Server, bucket = 'backups') {
    this.#dir = join(server.dataDir, bucket);
  }

  path(key: string): string {
    return join(this.#dir, key);
  }

  read(key: string): Buffer {
    return readFileSync(this.path(key));
  }

  /** The keys of all objects, sorted, without the marks of places. */
  keys(): string[] {
    return this.#files()
      .filter((file) => !file.startsWith(UNFINISHED) && basename(file) !== MARK)
      .sort();
  }

  /** What is left of multipart uploads that were neither completed nor aborted. */
  unfinished(): string[] {
    return this.#files().filter((file) => file.startsWith(UNFINISHED));
  }

  #files(): string[] {
    if (!existsSync(this.#dir)) return [];
    return readdirSync(this.#dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(this.#dir.length + 1));
  }
}
