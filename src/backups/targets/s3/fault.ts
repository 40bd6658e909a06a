import { ProxyError } from './proxy.ts';

/** What is worth knowing of something that the SDK or the network threw, in one shape. */
export interface Fault {
  /** The code of S3's error document; undefined when there was none. */
  readonly s3Code: string | undefined;
  /** The code of the operating system, of TLS or of the HTTP parser. */
  readonly systemCode: string | undefined;
  readonly status: number | undefined;
  readonly timedOut: boolean;
  readonly region: string | undefined;
  /** When the server says it is (milliseconds since 1970). */
  readonly serverTime: number | undefined;
  /** How long the server wants to be left alone (milliseconds). */
  readonly retryAfterMs: number | undefined;
  /** Of the object that cannot be read as long as it is there. */
  readonly storageClass: string | undefined;
  /** The SDK has taken over the server's time, so the next request is signed with it. */
  readonly clockCorrected: boolean;
  /** The proxy did not let us through: what it answered, or why it could not. */
  readonly proxy: { readonly status: number | undefined; readonly reason: string | undefined } | undefined;
  /** The answer names itself as one of S3's storage, and not of something on the way to it. */
  readonly fromStorage: boolean;
}

interface SdkError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly Code?: unknown;
  readonly Region?: unknown;
  readonly ServerTime?: unknown;
  readonly StorageClass?: unknown;
  readonly errors?: unknown;
  readonly $fault?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: unknown; readonly clockSkewCorrected?: unknown };
  readonly $response?: { readonly headers?: Readonly<Record<string, unknown>> };
}

const MS_PER_SECOND = 1_000;

/** A region is put into a sentence and perhaps into the settings, so nothing else may pass for one. */
const REGION = /^[A-Za-z0-9-]{1,64}$/;

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Names that the SDK gives to answers without an error document. */
const MADE_UP_NAMES = new Set(['Error', 'Unknown', 'UnknownError', 'NotFound', 'TimeoutError', 'AbortError']);

/** Reads a thrown value. The texts of messages are left alone: they differ from server to server. */
export function faultOf(error: unknown): Fault {
  const thrown = (typeof error === 'object' && error !== null ? error : {}) as SdkError;
  const status = thrown.$metadata?.httpStatusCode;
  const headers = thrown.$response?.headers ?? {};
  const name = text(thrown.name);
  const fromService = thrown.$fault !== undefined;
  const s3Code = text(thrown.Code) ?? (fromService && name && !MADE_UP_NAMES.has(name) ? name : undefined);
  const region = text(headers['x-amz-bucket-region']) ?? text(thrown.Region);
  const time = Date.parse(text(thrown.ServerTime) ?? text(headers.date) ?? '');
  return {
    s3Code,
    systemCode: systemCodeOf(thrown),
    status: typeof status === 'number' ? status : undefined,
    timedOut: name === 'TimeoutError' && systemCodeOf(thrown) === undefined,
    region: region && REGION.test(region) ? region : undefined,
    serverTime: Number.isNaN(time) ? undefined : time,
    retryAfterMs: retryAfter(text(headers['retry-after']), time),
    storageClass: text(thrown.StorageClass),
    clockCorrected: thrown.$metadata?.clockSkewCorrected === true,
    proxy: error instanceof ProxyError ? { status: error.statusCode, reason: error.reason } : undefined,
    fromStorage: headers['x-amz-request-id'] !== undefined || headers['x-amz-id-2'] !== undefined,
  };
}

/** Seconds, or a date (RFC 9110, 10.2.3), which is one of the server's own clock. */
function retryAfter(value: string | undefined, serverTime: number): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value) ? Number(value) * MS_PER_SECOND : Date.parse(value) - serverTime;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

/** With several addresses for one name all were tried, and the last one's failure says why. */
function systemCodeOf(thrown: SdkError): string | undefined {
  const own = text(thrown.code);
  if (own !== undefined || !Array.isArray(thrown.errors)) return own;
  return text((thrown.errors.at(-1) as SdkError | undefined)?.code);
}
