import type { S3Settings } from '../../../contract/index.ts';
import { recogniseHost } from './providers.ts';

/** What AWS, and most servers that look at no region at all, accept. */
const DEFAULT_REGION = 'us-east-1';

/** Where a bucket lives, with everything that was left empty filled in. */
export interface Address {
  /** `https://host[:port][/path]`, no slash at its end. */
  readonly endpoint: string;
  /** The host that is spoken to, with its port where that is not the usual one; what a person reads in a problem. */
  readonly host: string;
  readonly region: string;
  readonly pathStyle: boolean;
  readonly tls: boolean;
  /** Nothing that is sent leaves this machine. */
  readonly loopback: boolean;
}

const isAws = (hostname: string): boolean => recogniseHost(hostname)?.preset.id === 'aws';

const regionOf = (hostname: string): string => recogniseHost(hostname)?.region ?? DEFAULT_REGION;

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

/**
 * The endpoint without what does not belong to it. Dashboards show addresses with the bucket inside, as a path (R2) or
 * as the first label (AWS), and people paste what they see. Any other path stays: it is part of the server's address.
 */
function normaliseEndpoint(endpoint: string, bucket: string): URL {
  const url = new URL(endpoint);
  const withoutBucket = url.hostname.slice(bucket.length + 1);
  if (url.hostname.startsWith(`${bucket.toLowerCase()}.`) && /^s3[.-]/.test(withoutBucket)) {
    url.hostname = withoutBucket;
  }
  const path = url.pathname.replace(/\/+$/, '');
  url.pathname = path === `/${bucket}` ? '/' : path;
  return url;
}

const textOf = (url: URL): string => url.href.replace(/\/+$/, '');

/** The endpoint as it is stored; empty (AWS) stays empty. */
export function storedEndpoint(settings: S3Settings): string {
  return settings.endpoint === '' ? '' : textOf(normaliseEndpoint(settings.endpoint, settings.bucket));
}

/** Fills in what the person left open. */
export function addressOf(settings: S3Settings): Address {
  const { bucket } = settings;
  const url =
    settings.endpoint === ''
      ? awsEndpoint(settings.region || DEFAULT_REGION)
      : normaliseEndpoint(settings.endpoint, bucket);
  const tls = url.protocol === 'https:';
  const pathStyle = usesPathStyle(settings.path_style, url.hostname, bucket);
  return {
    endpoint: textOf(url),
    host: pathStyle ? url.host : `${bucket}.${url.host}`,
    region: settings.region || regionOf(url.hostname),
    pathStyle,
    tls,
    loopback: isLoopback(url.hostname),
  };
}

/**
 * AWS has no path style for buckets of today; elsewhere a name for each bucket is what most servers at home lack.
 * A bucket with dots fits no wildcard certificate, and one with capitals or underscores is no host name.
 */
function usesPathStyle(setting: S3Settings['path_style'], hostname: string, bucket: string): boolean {
  if (setting !== 'auto') return setting === 'on';
  return recogniseHost(hostname)?.preset.addressing !== 'virtual' || !/^[a-z0-9-]+$/.test(bucket);
}

/** Written out, so that no variable or file on this machine that is meant for other programs has a say. */
function awsEndpoint(region: string): URL {
  return new URL(`https://s3.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`);
}

/** The place in words that do not change with credentials, region or addressing. */
export function placeOf(settings: S3Settings): string {
  const url = settings.endpoint === '' ? undefined : normaliseEndpoint(settings.endpoint, settings.bucket);
  const where =
    url === undefined || isAws(url.hostname) ? awsPlace(url?.hostname ?? settings.region) : serverPlace(url);
  return `s3://${where}/${settings.bucket}/${settings.folder}`;
}

/** A bucket's name is unique in all of AWS (China apart), whichever of its hosts is asked. */
function awsPlace(hostOrRegion: string): string {
  const china = hostOrRegion.endsWith('.cn') || hostOrRegion.startsWith('cn-');
  return china ? 'amazonaws.com.cn' : 'amazonaws.com';
}

function serverPlace(url: URL): string {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  return `${url.hostname}:${port}${url.pathname.replace(/\/+$/, '')}`;
}
