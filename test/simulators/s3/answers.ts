import type { Fault } from './faults.ts';

/** Faults that have a name among people, for `faults.add({ fault: … })`. */
export const FAULTS = {
  /** "Best practices design patterns": S3 wants fewer requests. */
  slowDown: (retryAfterSeconds?: number): Fault => ({
    kind: 'answer',
    status: 503,
    code: 'SlowDown',
    ...(retryAfterSeconds === undefined ? {} : { headers: { 'retry-after': String(retryAfterSeconds) } }),
  }),
  tooManyRequests: (retryAfterSeconds = 1): Fault => ({
    kind: 'answer',
    status: 429,
    code: 'TooManyRequests',
    headers: { 'retry-after': String(retryAfterSeconds) },
  }),
  internalError: { kind: 'answer', status: 500, code: 'InternalError' },
  /** A proxy in front of the storage cannot reach it. */
  badGateway: {
    kind: 'answer',
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<html><head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>',
  },
  accessDenied: { kind: 'answer', status: 403, code: 'AccessDenied' },
  noSuchBucket: { kind: 'answer', status: 404, code: 'NoSuchBucket' },
  quotaExceeded: { kind: 'answer', status: 403, code: 'QuotaExceeded', when: 'after_body' },
  /** A disk behind the server is full (RFC 4918). */
  insufficientStorage: {
    kind: 'answer',
    status: 507,
    code: 'InsufficientStorage',
    message: 'The disk is full',
    when: 'after_body',
  },
  /** The server claims that the body had another sum. */
  badDigest: { kind: 'answer', status: 400, code: 'BadDigest', when: 'after_body' },
  /** Something that is no storage answers: the page of a router, of a parked name. */
  htmlPage: {
    kind: 'answer',
    status: 200,
    headers: { 'content-type': 'text/html; charset=utf-8' },
    body: '<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>',
  },
  /** A portal wants somebody to sign in first. */
  loginRedirect: {
    kind: 'answer',
    status: 302,
    headers: { location: 'http://portal.invalid/login', 'content-type': 'text/html' },
    body: '<html><body>Please <a href="http://portal.invalid/login">sign in</a>.</body></html>',
  },
  emptyOk: { kind: 'answer', status: 200, body: '' },
  /** The work is done and nobody hears of it. */
  lostAnswer: { kind: 'cut', at: 'before_answer' },
  reset: { kind: 'cut', at: 'at_once', reset: true },
  hang: { kind: 'stall', at: 'at_once' },
} as const satisfies Record<string, Fault | ((seconds?: number) => Fault)>;

/** A name that no resolver may know (RFC 6761, section 6.4): for a target whose name does not exist. */
export const UNKNOWN_HOST = 'storage.homestash.invalid';
