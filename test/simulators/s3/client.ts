import { Agent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import type { S3Simulator } from './index.ts';

const nothing = (): void => undefined;

/** AWS's own client for a simulator: one attempt, and no sums but those that are given. */
export function sdkClient(simulator: S3Simulator, config: S3ClientConfig = {}): S3Client {
  const { endpoint, region, accessKey, secretKey, authority } = simulator;
  return new S3Client({
    endpoint,
    // The SDK wants one; an empty one cannot be given.
    region: region === '' ? 'auto' : region,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    forcePathStyle: true,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
    logger: { debug: nothing, info: nothing, warn: nothing, error: nothing },
    ...(authority === ''
      ? {}
      : { requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: authority }) }) }),
    ...config,
  });
}

/** What a refused request was refused with. */
export interface Refused {
  readonly code: string;
  readonly status: number | undefined;
  readonly message: string;
  /** Everything else that stood in the document. */
  readonly [field: string]: unknown;
}

/** Waits for a refusal; an error where there is none. */
export async function refusalOf(work: Promise<unknown>): Promise<Refused> {
  try {
    await work;
  } catch (error) {
    const refused = error as Error & { $metadata?: { httpStatusCode?: number } };
    return {
      ...refused,
      code: refused.name,
      status: refused.$metadata?.httpStatusCode,
      message: refused.message,
    };
  }
  throw new Error('it was not refused');
}

interface Sent {
  readonly headers: Record<string, string>;
  body?: unknown;
}

/** Changes requests after they were signed, or before. */
export function forge(
  client: S3Client,
  change: (request: Sent) => void,
  step: 'build' | 'deserialize' = 'deserialize',
): S3Client {
  client.middlewareStack.add(
    (next) => (args) => {
      change(args.request as Sent);
      return next(args);
    },
    { step: step as 'build', name: 'forge', priority: 'low' },
  );
  return client;
}
