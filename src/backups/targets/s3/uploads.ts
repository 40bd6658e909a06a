import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  type StorageClass,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { isProblem, Problem } from '../../../kernel/errors.ts';
import { Checksums } from './checksums.ts';
import type { Connection, RunOptions } from './connection.ts';
import { type Asked, confirms, refused } from './encryption.ts';
import { faultOf } from './fault.ts';
import { PartBuffer, type Payload } from './part-buffer.ts';
import { compositeEtag } from './parts.ts';
import { retrying } from './retry.ts';
import { type BodyCommand, signPayload } from './sign-payload.ts';
import { compositeCrc, sumOf } from './sums.ts';
import { listUploads } from './sweep.ts';
import { versionOf } from './version.ts';

/** By what an object is recognised as the one that was to be made; undefined where that cannot be known. */
interface Proof {
  readonly size: number;
  readonly etag: string | undefined;
  readonly crc32: string | undefined;
}

/** A multipart upload that has begun. */
export interface Upload {
  /** As the bucket knows it. */
  readonly key: string;
  readonly id: string;
  /** It was begun more than once, as an answer was lost: others of the same key may exist. */
  readonly twins?: boolean;
}

/** The requests of an upload, and of everything else that is written. */
export class Uploads {
  readonly #connection: Connection;
  readonly #checksums = new Checksums();
  /** Uploads of which the server has said at their beginning that it encrypts them; the others are asked again with each part. */
  readonly #encrypted = new WeakSet<Upload>();

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
    const { encryption } = this.#connection;
    const { asked } = encryption;
    let attempts = 0;
    const output = await this.#checksums.run((sum) =>
      this.#connection.run(
        'multipart',
        ({ client, http }) => {
          attempts += 1;
          return client.send(
            new CreateMultipartUploadCommand({
              ...this.#at(key),
              ...asked,
              ...this.#storageClass(),
              ...(sum === 'crc32' ? { ChecksumAlgorithm: 'CRC32' } : {}),
            }),
            http,
          );
        },
        { patient: true, encrypting: encryption.on },
      ),
    );
    if (!output.UploadId) throw this.#connection.notS3();
    const upload = { key, id: output.UploadId, twins: attempts > 1 };
    if (confirms(output, asked)) this.#encrypted.add(upload);
    return upload;
  }

  /** Sends a part and returns what `complete` needs of it. */
  part(upload: Upload, number: number, payload: Payload, signal?: AbortSignal): Promise<CompletedPart> {
    const { encryption } = this.#connection;
    return this.#checksums.run(async (sum) => {
      const body = await sumOf(payload, sum);
      const output = await this.#connection.run(
        'multipart',
        ({ client, http }) => {
          const command = new UploadPartCommand({
            ...this.#at(upload.key),
            UploadId: upload.id,
            PartNumber: number,
            ...encryption.customer,
            ...bodyOf(payload),
            ...body,
          });
          return client.send(signPayload(command, payload.sha256), http);
        },
        { signal, patient: true, encrypting: encryption.customer.SSECustomerKey !== undefined },
      );
      if (!output.ETag) throw this.#connection.notS3();
      if (!this.#encrypted.has(upload) && !confirms(output, encryption.asked)) throw refused('ignored');
      return {
        PartNumber: number,
        ETag: output.ETag,
        ...(sum === 'crc32' ? { ChecksumCRC32: payload.crc32 } : {}),
      };
    });
  }

  /** Writes an archive in one request. */
  whole(key: string, payload: Payload, signal?: AbortSignal): Promise<void> {
    const { asked } = this.#connection.encryption;
    return this.#put(key, payload, { ...asked, ...this.#storageClass() }, { signal, patient: true });
  }

  /** Writes a small object, which is read with each list: in the usual class, and never with the person's own key. */
  small(key: string, data: Uint8Array, signal?: AbortSignal): Promise<void> {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    // signed in any case: it costs nothing, and every server compares that sum
    const buffer = new PartBuffer(bytes.length, true);
    buffer.fill(bytes);
    return this.#put(key, buffer.payload(), this.#connection.encryption.server, { signal });
  }

  async #put(
    key: string,
    payload: Payload,
    members: Asked & Pick<PutObjectCommandInput, 'StorageClass'>,
    options: RunOptions,
  ): Promise<void> {
    const encrypting = this.#connection.encryption.on;
    const output = await this.#checksums.run(async (sum) => {
      const body = await sumOf(payload, sum);
      return this.#connection.run(
        'write',
        ({ client, http }) => {
          const command = new PutObjectCommand({ ...this.#at(key), ...members, ...bodyOf(payload), ...body });
          return client.send(signPayload(command, payload.sha256), http);
        },
        { ...options, encrypting },
      );
    });
    if (!confirms(output, members)) throw refused('ignored');
  }

  /**
   * Makes the object of its parts. Servers may need minutes for it, and may answer 200 and then report a failure, so
   * an outcome that is not clear is looked up before it is tried again.
   */
  async complete(upload: Upload, parts: readonly CompletedPart[], size: number): Promise<void> {
    const proof: Proof = {
      size,
      etag: compositeEtag(parts.map((part) => part.ETag ?? '')),
      crc32: compositeCrc(parts.map((part) => part.ChecksumCRC32)),
    };
    const { clock } = this.#connection.context;
    let unclear = false;
    await retrying(
      async () => {
        try {
          await this.#completeOnce(upload, parts);
        } catch (error) {
          const gone = s3CodeOf(error) === 'NoSuchUpload';
          if (gone ? !unclear : !isUnclear(error, unclear)) throw error;
          unclear = true;
          if (await this.#isThere(upload.key, proof, gone)) return;
          throw error;
        }
      },
      { clock, retryable: (error) => (isUnclear(error, unclear) ? 'yes' : 'no') },
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
            ...this.#connection.encryption.customer,
          }),
          http,
        ),
      { attempts: 1, slow: true },
    );
    // The SDK recognises most error documents behind a 200. An answer without an ETag is the rest of them.
    if (!output.ETag) throw new Problem('target_unavailable', { params: { status: '200' } });
  }

  /**
   * Whether the object is the one that these parts make. A sum over the parts' own sums proves it, however the server
   * encrypts; the ETag does where it is made of MD5s. Without either, an upload that is gone after an attempt of ours
   * has become the object.
   */
  async #isThere(key: string, proof: Proof, gone: boolean): Promise<boolean> {
    try {
      const head = await this.#connection.run(
        'multipart',
        ({ client, http }) =>
          client.send(
            new HeadObjectCommand({
              ...this.#at(key),
              ...this.#connection.encryption.customer,
              ...(proof.crc32 === undefined ? {} : { ChecksumMode: 'ENABLED' }),
            }),
            http,
          ),
        { bodiless: true },
      );
      if (head.ContentLength !== proof.size) return false;
      if (proof.crc32 !== undefined && head.ChecksumCRC32?.includes('-')) {
        return head.ChecksumCRC32 === proof.crc32;
      }
      return gone || (proof.etag !== undefined && versionOf(head) === proof.etag);
    } catch {
      return false;
    }
  }

  /** Removes the others that were begun for the same archive. */
  async removeTwins({ key, id }: Upload): Promise<void> {
    for (const other of await listUploads(this.#connection, key)) {
      if (other.key === key && other.id !== id) await this.abort(other);
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

  #storageClass(): Pick<PutObjectCommandInput, 'StorageClass'> {
    const { storageClass } = this.#connection;
    // the SDK's list of names is that of AWS
    return storageClass === '' ? {} : { StorageClass: storageClass as StorageClass };
  }

  #at(key: string): { Bucket: string; Key: string } {
    return { Bucket: this.#connection.bucket, Key: key };
  }
}

function bodyOf(payload: Payload): BodyCommand {
  return { Body: payload.stream(), ContentLength: payload.length };
}

const s3CodeOf = (error: unknown): string | undefined =>
  error instanceof Problem ? faultOf(error.cause).s3Code : undefined;

/** The server may have done it all the same, or be at it. */
function isUnclear(error: unknown, again: boolean): boolean {
  return (
    isProblem(error, 'target_timeout') ||
    isProblem(error, 'target_cut') ||
    isProblem(error, 'target_unavailable') ||
    // what stands in between lost sight of it
    isProblem(error, 'target_proxy') ||
    // what the second request says while the first one is still being worked on
    (again && s3CodeOf(error) === 'OperationAborted')
  );
}
