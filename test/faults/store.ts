import type { OperationName } from '../simulators/s3/index.ts';
import type { FaultCase } from './case.ts';

const HOUR_MS = 3_600_000;

const refuse =
  (operation: readonly OperationName[], code: string, status = 403): FaultCase['strike'] =>
  () => [{ on: { operation }, fault: { kind: 'answer', status, code } }];

/** What a store wants, forbids or no longer has. */
export const STORE: readonly FaultCase[] = [
  {
    name: 'The clock of the box is an hour wrong',
    strike: ({ simulator }) => {
      simulator.skew(HOUR_MS);
      return () => simulator.skew(0);
    },
  },
  {
    name: 'The access key was deleted',
    strike: () => [{ fault: { kind: 'answer', status: 403, code: 'InvalidAccessKeyId' } }],
  },
  {
    name: 'The secret was changed',
    strike: () => [{ fault: { kind: 'answer', status: 403, code: 'SignatureDoesNotMatch' } }],
  },
  {
    name: 'The bucket was deleted',
    strike: () => [{ fault: { kind: 'answer', status: 404, code: 'NoSuchBucket' } }],
  },
  {
    name: 'The bucket lies in another region',
    strike: () => [
      {
        fault: {
          kind: 'answer',
          status: 301,
          code: 'PermanentRedirect',
          headers: { 'x-amz-bucket-region': 'eu-central-1' },
        },
      },
    ],
  },
  { name: 'The key may not list', strike: refuse(['ListObjectsV2'], 'AccessDenied') },
  { name: 'The key may not read', strike: refuse(['GetObject', 'HeadObject'], 'AccessDenied') },
  {
    name: 'The key may not write',
    strike: refuse(
      ['PutObject', 'CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'],
      'AccessDenied',
    ),
  },
  { name: 'The key may not delete', strike: refuse(['DeleteObject'], 'AccessDenied') },
  {
    name: 'The key may not give an upload up',
    only: ['upload', 'probe'],
    strike: refuse(['AbortMultipartUpload'], 'AccessDenied'),
  },
  {
    name: 'The quota is exhausted',
    only: ['upload', 'probe'],
    strike: refuse(['PutObject', 'UploadPart', 'CompleteMultipartUpload'], 'QuotaExceeded'),
  },
  {
    name: 'The disk of the store is full (507)',
    only: ['upload', 'probe'],
    strike: refuse(['PutObject', 'UploadPart', 'CompleteMultipartUpload'], 'InsufficientStorage', 507),
  },
  {
    name: 'The disk fills up in the middle of an upload',
    only: ['upload'],
    strike: () => [
      {
        on: { operation: 'UploadPart', partNumber: 2 },
        fault: { kind: 'answer', status: 507, code: 'XMinioStorageFull' },
      },
    ],
  },
  {
    name: 'The description cannot be written',
    only: ['upload'],
    strike: () => [
      {
        on: { operation: 'PutObject', key: /metadata\.json$/ },
        fault: { kind: 'answer', status: 403, code: 'AccessDenied' },
      },
    ],
  },
  {
    name: 'The archive cannot be deleted, only its description',
    only: ['delete'],
    strike: () => [
      {
        on: { operation: 'DeleteObject', key: /\.tar$/ },
        fault: { kind: 'answer', status: 403, code: 'AccessDenied' },
      },
    ],
  },
  {
    name: 'The archive vanished',
    only: ['download'],
    strike: () => [
      {
        on: { operation: ['GetObject', 'HeadObject'], key: /\.tar$/ },
        fault: { kind: 'answer', status: 404, code: 'NoSuchKey' },
      },
    ],
  },
  {
    name: 'The archive was moved into an archive class',
    only: ['download'],
    strike: () => [
      {
        on: { operation: 'GetObject', key: /\.tar$/ },
        fault: { kind: 'answer', status: 403, code: 'InvalidObjectState' },
      },
    ],
  },
  {
    name: 'The store keeps everything for 30 days (object lock)',
    lock: { mode: 'COMPLIANCE', days: 30 },
    settings: { delete_versions: true },
    strike: () => [],
  },
  { name: 'No checksums, no trailers (old servers)', profile: 'old', strike: () => [] },
  {
    name: 'Equal parts and no versions (Cloudflare R2)',
    profile: 'r2',
    settings: { region: 'auto' },
    strike: () => [],
  },
  {
    name: 'Deletions only hide (Backblaze B2)',
    profile: 'b2',
    settings: { region: 'us-west-004', delete_versions: true },
    strike: () => [],
  },
  {
    name: 'Conditions are ignored (Garage)',
    profile: 'garage',
    settings: { region: 'garage' },
    strike: () => [],
  },
  { name: 'Parts are refused unless equal (Mega S4)', profile: 'mega', strike: () => [] },
  {
    name: 'The key may only work in its folder',
    profile: 'confined',
    settings: { folder: 'homestash/home' },
    strike: () => [],
  },
];
