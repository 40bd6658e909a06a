import type { FaultCase } from './case.ts';

const answer = (status: number, code?: string, headers?: Record<string, string>) =>
  ({ kind: 'answer', status, ...(code ? { code } : {}), ...(headers ? { headers } : {}) }) as const;

const page = (status: number, body: string, headers: Record<string, string> = {}) =>
  ({ kind: 'answer', status, body, headers: { 'content-type': 'text/html', ...headers } }) as const;

const HTML = '<!doctype html><html><body><h1>Sign in</h1></body></html>';

const COMPLETE = { operation: 'CompleteMultipartUpload' } as const;

/** What the store, or something in front of it, answers. */
export const ANSWERS: readonly FaultCase[] = [
  { name: '503 SlowDown, twice', strike: () => [{ times: 2, fault: answer(503, 'SlowDown') }] },
  { name: '503 SlowDown, always', strike: () => [{ fault: answer(503, 'SlowDown') }] },
  {
    name: '429 with Retry-After: 3, once',
    strike: () => [{ times: 1, fault: answer(429, 'TooManyRequests', { 'retry-after': '3' }) }],
  },
  { name: '429, always', strike: () => [{ fault: answer(429, 'TooManyRequests') }] },
  { name: '500 InternalError, once', strike: () => [{ times: 1, fault: answer(500, 'InternalError') }] },
  { name: '500 InternalError, always', strike: () => [{ fault: answer(500, 'InternalError') }] },
  {
    name: '500 after the work was done, once',
    strike: () => [{ times: 1, fault: { ...answer(500, 'InternalError'), when: 'after_work' } }],
  },
  { name: '502, a page of a proxy, once', strike: () => [{ times: 1, fault: page(502, HTML) }] },
  { name: '504, a page of a proxy, always', strike: () => [{ fault: page(504, HTML) }] },
  {
    name: '413, a page of a proxy that takes no such bodies',
    only: ['upload', 'probe'],
    strike: () => [{ on: { operation: 'UploadPart' }, fault: page(413, HTML) }],
  },
  { name: '200 with a web page', strike: () => [{ fault: page(200, HTML) }] },
  {
    name: '302 to a sign-in page',
    strike: () => [{ fault: page(302, '', { location: 'http://127.0.0.1:1/sign-in' }) }],
  },
  { name: '404 with a web page', strike: () => [{ fault: page(404, HTML) }] },
  { name: '200 with nothing in it', strike: () => [{ fault: page(200, '') }] },
  {
    name: 'A list whose document is cut',
    only: ['list', 'probe'],
    strike: () => [{ on: { operation: 'ListObjectsV2' }, fault: { kind: 'list', how: 'xml_cut' } }],
  },
  {
    name: 'A list that goes on, but does not say how',
    only: ['list'],
    strike: () => [{ on: { operation: 'ListObjectsV2' }, fault: { kind: 'list', how: 'no_token' } }],
  },
  {
    name: 'The length of an archive is announced wrongly',
    only: ['download'],
    strike: () => [
      { on: { operation: 'GetObject', key: /\.tar$/ }, fault: { kind: 'wrong_length', by: 1000 } },
    ],
  },
  {
    name: 'One bit of an archive is wrong',
    only: ['download'],
    strike: () => [{ on: { operation: 'GetObject', key: /\.tar$/ }, fault: { kind: 'flip', byte: 300_000 } }],
  },
  {
    name: 'The store says that a part was damaged on its way, once',
    only: ['upload', 'probe'],
    strike: () => [
      {
        on: { operation: 'UploadPart' },
        times: 1,
        fault: { ...answer(400, 'BadDigest'), when: 'after_body' },
      },
    ],
  },
  {
    name: 'The store says that every part was damaged on its way',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: 'UploadPart' }, fault: { ...answer(400, 'BadDigest'), when: 'after_body' } },
    ],
  },
  {
    name: '200 to the making of the object, and an error in it, once',
    only: ['upload', 'probe'],
    strike: () => [{ on: COMPLETE, times: 1, fault: { kind: 'error_in_200', code: 'InternalError' } }],
  },
  {
    name: '200 to the making of the object, and an error in it, always',
    only: ['upload', 'probe'],
    strike: () => [{ on: COMPLETE, fault: { kind: 'error_in_200', code: 'InternalError' } }],
  },
  {
    name: 'The making of the object takes three minutes, with spaces sent meanwhile',
    only: ['upload', 'probe'],
    strike: () => [{ on: COMPLETE, fault: { kind: 'keep_alive', ms: 180_000, everyMs: 5_000 } }],
  },
  {
    name: '200 to the making of the object, and nothing in it',
    only: ['upload', 'probe'],
    strike: () => [{ on: COMPLETE, fault: { ...page(200, ''), when: 'after_work' } }],
  },
  {
    name: 'The store has forgotten the upload',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: ['UploadPart', 'CompleteMultipartUpload'] }, fault: answer(404, 'NoSuchUpload') },
    ],
  },
];
