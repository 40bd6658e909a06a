import type { Route } from './http/route.ts';

/** A part of the core. `start` and `stop` are symmetric and may be called more than once. */
export interface Feature {
  readonly name: string;
  readonly routes: readonly Route[];
  start?(): Promise<void>;
  stop?(): Promise<void>;
}
