import type { Route } from './http/route.ts';
import type { Job } from './jobs.ts';

/** A part of the core. `start` and `stop` are symmetric and may be called more than once. */
export interface Feature {
  readonly name: string;
  readonly routes: readonly Route[];
  /** What it does by the clock. */
  readonly jobs?: readonly Job[];
  start?(): Promise<void>;
  stop?(): Promise<void>;
}
