import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import type { Capabilities } from '../../../contract/index.ts';
import { type Answer, ask, isRefusedRequest, refusalOf } from './ask.ts';
import type { Connection } from './connection.ts';
import { USUAL_MOST_PARTS, USUAL_SMALLEST_PART } from './preset.ts';

type Parts = Capabilities['parts'];

const KIB = 1024;
const MIB = 1024 * KIB;

/** Unequal and far below what AWS allows. */
const TINY_PARTS = [KIB, 2 * KIB, KIB];

/** Unequal and large enough for everybody. */
const LARGE_PARTS = [5 * MIB, 6 * MIB, KIB];

/** Numbers of parts beyond the limits that providers are known to have, the larger first. */
const BEYOND = [
  { number: USUAL_MOST_PARTS + 1, most: USUAL_MOST_PARTS },
  { number: 1_001, most: 1_000 },
] as const;

/** What may be asked of an upload that is never completed. */
export interface UploadRights {
  /** Undefined where the store cannot say. */
  readonly list: boolean | undefined;
  readonly abort: boolean | undefined;
}

/** Finds out with uploads of its own, under keys that the caller removes, what a store demands of parts. */
export class PartsExamination {
  readonly #connection: Connection;
  readonly #signal: AbortSignal | undefined;

  constructor(connection: Connection, signal: AbortSignal | undefined) {
    this.#connection = connection;
    this.#signal = signal;
  }

  /** Three tiny parts of different sizes: who makes an object of them takes any. */
  async tiny(key: string, known: Parts): Promise<Parts> {
    const outcome = await this.#tryParts(key, TINY_PARTS);
    if (outcome === 'taken') return { ...known, equal: 'not_required', smallest: 0 };
    if (outcome === 'too_small') return { ...known, smallest: USUAL_SMALLEST_PART };
    return known;
  }

  /** Large parts of different sizes: eleven megabytes, so only where somebody asked for it. */
  async large(key: string, known: Parts): Promise<Parts> {
    const outcome = await this.#tryParts(key, LARGE_PARTS);
    if (outcome === 'taken') return { ...known, equal: 'not_required' };
    return outcome === 'refused' ? { ...known, equal: 'required' } : known;
  }

  /** Up to which number parts are taken, and what may be done with an upload that does not end. */
  async unfinished(key: string, known: Parts): Promise<{ parts: Parts; rights: UploadRights }> {
    const id = await this.#begin(key);
    if (id === undefined) return { parts: known, rights: { list: undefined, abort: undefined } };
    const most = known.most ?? (await this.#most(key, id));
    const listed = await this.#ask(({ client, http }) =>
      client.send(new ListMultipartUploadsCommand({ Bucket: this.#connection.bucket, Prefix: key }), http),
    );
    return {
      parts: { ...known, most },
      rights: { list: allowed(listed), abort: allowed(await this.#abort(key, id)) },
    };
  }

  async #most(key: string, id: string): Promise<number | null> {
    let most: number | null = null;
    for (const beyond of BEYOND) {
      const sent = await this.#part(key, id, beyond.number, Buffer.alloc(KIB));
      if (sent.ok || !isRefusedRequest(sent.fault)) break;
      most = beyond.most;
    }
    return most;
  }

  async #tryParts(
    key: string,
    sizes: readonly number[],
  ): Promise<'taken' | 'too_small' | 'refused' | 'unknown'> {
    const id = await this.#begin(key);
    if (id === undefined) return 'unknown';
    const bytes = Buffer.alloc(Math.max(...sizes));
    const completed: CompletedPart[] = [];
    let refusal: Answer<unknown> | undefined;
    for (const [at, size] of sizes.entries()) {
      const sent = await this.#part(key, id, at + 1, bytes.subarray(0, size));
      if (!sent.ok) {
        refusal = sent;
        break;
      }
      completed.push({ PartNumber: at + 1, ETag: sent.output });
    }
    const answer = refusal ?? (await this.#complete(key, id, completed));
    if (answer.ok) return 'taken';
    await this.#abort(key, id);
    if (answer.fault.s3Code === 'EntityTooSmall') return 'too_small';
    return isRefusedRequest(answer.fault) ? 'refused' : 'unknown';
  }

  async #begin(key: string): Promise<string | undefined> {
    const begun = await this.#ask(({ client, http }) =>
      client.send(new CreateMultipartUploadCommand(this.#at(key)), http),
    );
    return begun.ok ? begun.output.UploadId : undefined;
  }

  async #part(key: string, id: string, number: number, Body: Buffer): Promise<Answer<string>> {
    const sent = await this.#ask(({ client, http }) =>
      client.send(
        new UploadPartCommand({
          ...this.#at(key),
          UploadId: id,
          PartNumber: number,
          Body,
          ContentLength: Body.length,
          // the only sum that everybody takes, and that a bucket with a lock wants
          ContentMD5: createHash('md5').update(Body).digest('base64'),
        }),
        http,
      ),
    );
    return sent.ok ? { ok: true, output: sent.output.ETag ?? '' } : sent;
  }

  #complete(key: string, id: string, Parts: CompletedPart[]): Promise<Answer<unknown>> {
    return this.#ask(({ client, http }) =>
      client.send(
        new CompleteMultipartUploadCommand({ ...this.#at(key), UploadId: id, MultipartUpload: { Parts } }),
        http,
      ),
    );
  }

  #abort(key: string, id: string): Promise<Answer<unknown>> {
    return this.#ask(({ client, http }) =>
      client.send(new AbortMultipartUploadCommand({ ...this.#at(key), UploadId: id }), http),
    );
  }

  #ask<Output>(send: Parameters<typeof ask<Output>>[2]): Promise<Answer<Output>> {
    return ask(this.#connection, 'multipart', send, this.#signal);
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#connection.bucket, Key: key };
  }
}

function allowed(answer: Answer<unknown>): boolean | undefined {
  if (answer.ok) return true;
  return refusalOf(answer.fault) === 'forbidden' ? false : undefined;
}
