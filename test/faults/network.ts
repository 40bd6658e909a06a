import type { FaultCase } from './case.ts';

const KIB = 1024;

/** What the line does. */
export const NETWORK: readonly FaultCase[] = [
  {
    name: 'Nobody listens at the address',
    strike: async ({ simulator }) => {
      await simulator.refuseConnections();
      return () => simulator.acceptConnections();
    },
  },
  {
    name: 'Connections are accepted, and nobody answers',
    strike: () => [{ fault: { kind: 'stall', at: 'at_once' } }],
  },
  {
    name: 'The connection is cut before the answer, once',
    strike: () => [{ times: 1, fault: { kind: 'cut', at: 'at_once' } }],
  },
  {
    name: 'The connection is cut before every answer',
    strike: () => [{ fault: { kind: 'cut', at: 'at_once' } }],
  },
  {
    name: 'The connection is reset (RST), once',
    strike: () => [{ times: 1, fault: { kind: 'cut', at: 'at_once', reset: true } }],
  },
  {
    name: 'Every connection is reset (RST)',
    strike: () => [{ fault: { kind: 'cut', at: 'at_once', reset: true } }],
  },
  {
    name: 'A part is cut in the middle, once',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: 'UploadPart' }, times: 1, fault: { kind: 'cut', at: 'request', after: 300 * KIB } },
    ],
  },
  {
    name: 'Every part is cut in the middle',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: 'UploadPart' }, fault: { kind: 'cut', at: 'request', after: 300 * KIB } },
    ],
  },
  {
    name: 'The store stops reading in the middle of a part',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: 'UploadPart' }, fault: { kind: 'stall', at: 'request', after: 300 * KIB } },
    ],
  },
  {
    name: 'An archive is cut in the middle, once',
    only: ['download'],
    strike: () => [
      {
        on: { operation: 'GetObject', key: /\.tar$/ },
        times: 1,
        fault: { kind: 'cut', at: 'answer', after: 700 * KIB },
      },
    ],
  },
  {
    name: 'An archive is cut after each 700 KiB',
    only: ['download'],
    strike: () => [
      {
        on: { operation: 'GetObject', key: /\.tar$/ },
        fault: { kind: 'cut', at: 'answer', after: 700 * KIB },
      },
    ],
  },
  {
    name: 'An archive is always cut before its first byte',
    only: ['download'],
    strike: () => [
      { on: { operation: 'GetObject', key: /\.tar$/ }, fault: { kind: 'cut', at: 'answer', after: 0 } },
    ],
  },
  {
    name: 'The store stops sending in the middle',
    strike: () => [{ fault: { kind: 'stall', at: 'answer', after: 40 } }],
  },
  {
    name: 'All is done, and the answer is lost, once',
    strike: () => [{ times: 1, fault: { kind: 'cut', at: 'before_answer' } }],
  },
  {
    name: 'All is done, and every answer is lost',
    strike: () => [{ fault: { kind: 'cut', at: 'before_answer' } }],
  },
  {
    name: 'The answer to the making of the object of its parts is lost',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: 'CompleteMultipartUpload' }, times: 1, fault: { kind: 'cut', at: 'before_answer' } },
    ],
  },
  {
    name: 'The answer to the beginning of an upload is lost, once',
    only: ['upload', 'probe'],
    strike: () => [
      {
        on: { operation: 'CreateMultipartUpload' },
        times: 1,
        fault: { kind: 'cut', at: 'before_answer' },
      },
    ],
  },
  {
    name: 'Every answer to the beginning of an upload is lost',
    only: ['upload', 'probe'],
    strike: () => [
      { on: { operation: 'CreateMultipartUpload' }, fault: { kind: 'cut', at: 'before_answer' } },
    ],
  },
  {
    name: 'The line is slow (20 Mbit/s)',
    only: ['upload', 'download'],
    // What the system holds for the connection takes seconds to pass; on a real line, a part of its two minutes.
    idleTimeoutMs: 30_000,
    strike: () => [
      { fault: { kind: 'slow', at: 'request', bytesPerSecond: 2_500_000 } },
      { fault: { kind: 'slow', at: 'answer', bytesPerSecond: 2_500_000 } },
    ],
  },
  {
    name: 'The store answers only when nobody waits any more',
    strike: () => [{ fault: { kind: 'stall', at: 'before_answer', ms: 20_000 } }],
  },
];
