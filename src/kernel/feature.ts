import type { Command } from './commands.ts';
import type { DeviceDescription } from './entities.ts';
import type { Route } from './http/route.ts';
import type { Job } from './jobs.ts';

/** A part of the core. `start` and `stop` are symmetric and may be called more than once. */
export interface Feature {
  readonly name: string;
  readonly routes: readonly Route[];
  /** What can be done with it, whoever asks. */
  readonly commands?: readonly Command[];
  /** What of it others see as devices. */
  readonly devices?: readonly DeviceDescription[];
  /** What it does by the clock. */
  readonly jobs?: readonly Job[];
  start?(): Promise<void>;
  stop?(): Promise<void>;
}
