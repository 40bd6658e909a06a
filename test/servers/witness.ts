import { Agent } from 'node:https';
import { ListMultipartUploadsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { MARK } from '../harness/s3-target.ts';
import type { Running } from './servers.ts';

/** What a server says of the bucket `backups` when it is asked past the core. */
export class Witness {
  readonly #client: S3Client;

  constructor({ server, authority }: Running) {
    this.#client = new S3Client({
      endpoint: server.endpoint,
      region: server.region,
      forcePathStyle: true,
      credentials: { accessKeyId: server.accessKey, secretAccessKey: server.secretKey },
      ...(authority === ''
        ? {}
        : { requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: authority }) }) }),
    });
  }

  /** Keys and sizes, sorted, without the marks of places. */
  async objects(): Promise<{ key: string; size: number }[]> {
    const { Contents = [] } = await this.#client.send(new ListObjectsV2Command({ Bucket: 'backups' }));
    return Contents.map(({ Key = '', Size = 0 }) => ({ key: Key, size: Size })).filter(
      ({ key }) => !key.endsWith(`/${MARK}`),
    );
  }

  /** Uploads in parts that were neither completed nor aborted. */
  async unfinished(): Promise<string[]> {
    const { Uploads = [] } = await this.#client.send(new ListMultipartUploadsCommand({ Bucket: 'backups' }));
    return Uploads.map(({ Key = '' }) => Key);
  }

  close(): void {
    this.#client.destroy();
  }
}
