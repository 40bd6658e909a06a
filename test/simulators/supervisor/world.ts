import type { Clock } from '../../../src/kernel/clock.ts';
import type { App } from './app.ts';
import type { CoreLink, User } from './core-link.ts';

/** The broker that another app provides. */
export interface Broker {
  readonly host: string;
  readonly port: number;
  readonly username?: string;
  readonly password?: string;
  readonly ssl?: boolean;
}

/** What all parts of the simulator share. */
export interface World {
  readonly clock: Clock;
  readonly app: App;
  /** Absent until Home Assistant Core is started beside it. */
  core: CoreLink | undefined;
  broker: Broker | undefined;
  /** Who may open ingress sessions where there is no Home Assistant Core to ask. */
  readonly users: readonly User[];
  /** The address from which ingress comes to the app. */
  readonly gateway: string;
  /** A mistake of the simulator, or what it could not tell anybody. */
  readonly report: (problem: unknown) => void;
}
