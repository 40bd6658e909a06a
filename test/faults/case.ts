import type { S3Settings } from '../../src/contract/index.ts';
import type { BucketSetup, FaultRule, ProfileName } from '../simulators/s3/index.ts';
import type { Scene } from './scene.ts';

/** What people do with a target; the backup that is there at first goes last. */
export const DEEDS = ['upload', 'download', 'list', 'probe', 'delete'] as const;
export type Deed = (typeof DEEDS)[number];

/** Something that goes wrong while one of the five is done. */
export interface FaultCase {
  /** As it stands in the table. */
  readonly name: string;
  /** How the store differs from the strict one from the beginning. */
  readonly profile?: ProfileName;
  readonly settings?: Partial<S3Settings>;
  readonly tls?: boolean;
  /** The name under which the store is known, instead of its address. */
  readonly host?: string;
  /** Silence that lasts longer ends a transfer (milliseconds); short, where nothing else is said. */
  readonly idleTimeoutMs?: number;
  /** What the bucket keeps by itself. */
  readonly lock?: BucketSetup['lock'];
  /** Makes it go wrong; what it returns puts it right again. Rules of the simulator are removed without being asked. */
  readonly strike: (scene: Scene) => readonly FaultRule[] | (() => unknown) | Promise<() => unknown>;
  /** What cannot meet this fault is left out of the table. */
  readonly only?: readonly Deed[];
}
