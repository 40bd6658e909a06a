import type { DeviceContext, Identity } from '../handler.ts';

/** What a dashboard is reached with. */
export type EsphomeContext = DeviceContext<{
  readonly address: string;
  readonly user: string;
  readonly password: string;
}>;

/** A dashboard of ESPHome, whichever of the two it is. */
export interface EsphomeDashboard {
  readonly host: string;
  readonly identity: Identity;
  /** The files of all devices, without secrets and what is included. */
  list(): Promise<string[]>;
  /** A file; undefined where it has none of that name. */
  read(name: string): Promise<string | undefined>;
  /** @throws Problem `restore_refused` */
  write(name: string, content: string): Promise<void>;
}

/** Where both listen. */
export const ESPHOME_PORT = 6052;
