import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { isProblem, Problem } from '../../../kernel/errors.ts';
import type { Connection } from './connection.ts';
import { faultOf } from './fault.ts';
import type { Payload } from './part-buffer.ts';
import { compositeEtag } from './parts.ts';
import { retrying } from './retry.ts';
import { type BodyCommand, signPayload } from './sign-payload.ts';
import { versionOf } from './version.ts';

/** A multipart upload that has begun. */
export interface Upload {
  /** As the bucket knows it. */
  readonly key: string;
  readonly id: string;
}

/** Codes with which servers refuse a header that they do not know; others mean something else and are not tried again. */
const REFUSALS = new Set(['NotImplemented', 'InvalidArgument', 'InvalidRequest', 'UnsupportedHeader']);

const NOT_IMPLEMENTED = 501;
const BAD_REQUEST = 400;

/** The requests of an upload. It remembers for the life of the target whether the server takes checksums. */
export class Uploads {
  readonly #connection: Connection;
  #checksums = true;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /**
   * Whether the bytes themselves are signed. Over TLS nobody can change them, and a sum of SHA-256 costs three times
   * what all the rest does. In the open, anybody on the way could replace them together with their CRC, so there they
   * are; but not inside this machine, where whoever could do that has already won.
   */
  get signed(): boolean {
    const { tls, loopback } = this.#connection.address;
    return !tls && !loopback;
  }

  /** Begins a multipart upload. It cannot be cancelled: its id would be lost, and with it the way to remove it. */
  async start(key: string): Promise<Upload> {
    const output = await this.#summed((checksum) =>
      this.#connection.run(
        'multipart',
        ({ client, http }) =>
          client.send(
            new CreateMultipartUploadCommand({
              ...this.#at(key),
              ...(checksum ? { ChecksumAlgorithm: 'CRC32' } : {}),
            }),
            http,
          ),
        { patient: true },
      ),
    );
    if (!output.UploadId) throw this.#connection.notS3();
    return { key, id: output.UploadId };
  }

  /** Sends a part and returns what `complete` needs of it. */
  part(upload: Upload, number: number, payload: Payload, signal?: AbortSignal): Promise<CompletedPart> {
    return this.#summed(async (checksum) => {
      const output = await this.#connection.run(
        'multipart',
        ({ client, http }) => {
          const command = new UploadPartCommand({
            ...this.#at(upload.key),
            UploadId: upload.id,
            PartNumber: number,
            ...bodyOf(payload, checksum),
          });
          return client.send(signPayload(command, payload.sha256), http);
        },
        { signal, patient: true },
      );
      if (!output.ETag) throw this.#connection.notS3();
      return {
        PartNumber: number,
        ETag: output.ETag,
        ...(checksum ? { ChecksumCRC32: payload.crc32 } : {}),
      };
    });
  }

  /** Writes an object in one request. */
  async whole(key: string, payload: Payload, signal?: AbortSignal): Promise<void> {
    await this.#summed((checksum) =>
      this.#connection.run(
        'write',
        ({ client, http }) => {
          const command = new PutObjectCommand({ ...this.#at(key), ...bodyOf(payload, checksum) });
          return client.send(signPayload(command, payload.sha256), http);
        },
        { signal, patient: true },
      ),
    );
  }

  /**
   * Makes the object of its parts. Servers may need minutes for it, and may answer 200 and then report a failure, so
   * an outcome that is not clear is looked up before it is tried again.
   */
  async complete(upload: Upload, parts: readonly CompletedPart[], size: number): Promise<void> {
    const etag = compositeEtag(parts.map((part) => part.ETag ?? ''));
    const { clock } = this.#connection.context;
    let unclear = false;
    await retrying(
      async () => {
        try {
          await this.#completeOnce(upload, parts);
        } catch (error) {
          const gone = s3CodeOf(error) === 'NoSuchUpload';
          if (gone && !unclear) throw error;
          if (!gone && !isUnclear(error)) throw error;
          unclear = true;
          // An upload that is gone after an attempt of ours has become the object; otherwise only its ETag proves that.
          if (await this.#isThere(upload.key, size, gone ? undefined : (etag ?? 'unknown'))) return;
          throw error;
        }
      },
      { clock, retryable: (error) => (isUnclear(error) ? 'yes' : 'no') },
    );
  }

  async #completeOnce(upload: Upload, parts: readonly CompletedPart[]): Promise<void> {
    const output = await this.#connection.run(
      'multipart',
      ({ client, http }) =>
        client.send(
          new CompleteMultipartUploadCommand({
            ...this.#at(upload.key),
            UploadId: upload.id,
            MultipartUpload: { Parts: [...parts] },
          }),
          http,
        ),
      { attempts: 1, slow: true },
    );
    // The SDK recognises most error documents behind a 200. An answer without an ETag is the rest of them.
    if (!output.ETag) throw new Problem('target_unavailable', { params: { status: '200' } });
  }

  async #isThere(key: string, size: number, etag: string | undefined): Promise<boolean> {
    try {
      const head = await this.#connection.run(
        'multipart',
        ({ client, http }) => client.send(new HeadObjectCommand(this.#at(key)), http),
        { bodiless: true },
      );
      return head.ContentLength === size && (etag === undefined || versionOf(head) === etag);
    } catch {
      return false;
    }
  }

  /** Removes an upload and its parts; it is no fault when it is gone. */
  async abort(upload: Upload, signal?: AbortSignal): Promise<void> {
    try {
      await this.#connection.run(
        'multipart',
        ({ client, http }) =>
          client.send(
            new AbortMultipartUploadCommand({ ...this.#at(upload.key), UploadId: upload.id }),
            http,
          ),
        { signal },
      );
    } catch (error) {
      if (s3CodeOf(error) !== 'NoSuchUpload') throw error;
    }
  }

  /** Tries with our checksum, and without it where the server refuses that. Never with two, never in a trailer. */
  async #summed<T>(send: (checksum: boolean) => Promise<T>): Promise<T> {
    if (!this.#checksums) return send(false);
    try {
      return await send(true);
    } catch (error) {
      if (!refusesChecksum(error)) throw error;
      const result = await send(false);
      this.#checksums = false;
      return result;
    }
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#connection.bucket, Key: key };
  }
}

function bodyOf(payload: Payload, checksum: boolean): BodyCommand {
  return {
    Body: payload.stream(),
    ContentLength: payload.length,
    ...(checksum ? { ChecksumCRC32: payload.crc32 } : {}),
  };
}

const s3CodeOf = (error: unknown): string | undefined =>
  error instanceof Problem ? faultOf(error.cause).s3Code : undefined;

function refusesChecksum(error: unknown): boolean {
  if (!(error instanceof Problem)) return false;
  const { status, s3Code } = faultOf(error.cause);
  if (status === NOT_IMPLEMENTED) return true;
  return status === BAD_REQUEST && (s3Code === undefined || REFUSALS.has(s3Code));
}

/** The server may have done it all the same. */
function isUnclear(error: unknown): boolean {
  return (
    isProblem(error, 'target_timeout') ||
    isProblem(error, 'target_cut') ||
    isProblem(error, 'target_unavailable')
  );
}
