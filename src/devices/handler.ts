import type { DeviceIdentity } from '../contract/index.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Log } from '../kernel/log.ts';
import type { DeviceFields, SettingsOf } from './fields.ts';
import type { DeviceHttp, HttpOptions } from './http/client.ts';
import type { Trust } from './http/trust.ts';

export type { Trust } from './http/trust.ts';

/** What a device says of itself; what it does not say is left out. */
export type Identity = { readonly [Key in keyof DeviceIdentity]?: string | undefined };

/** How a broker is reached over which devices talk. */
export interface BrokerAccess {
  readonly url: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Certificates of authorities that are trusted besides the usual ones (PEM). */
  readonly ca?: string | undefined;
}

/** All that a handler gets for one operation with one device. */
export interface DeviceContext<Settings> {
  readonly settings: Settings;
  /** Ends when somebody cancels, the core stops, or the operation took too long. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly log: Pick<Log, 'debug' | 'warning'>;
  readonly trust: Trust;
  /** An empty folder of this operation, which goes with it; for programs that write files. */
  readonly workDir: () => Promise<string>;
  /** The broker that Homestash itself is connected to; undefined where it is to none. */
  readonly broker: () => Promise<BrokerAccess | undefined>;
  /** HTTP to an address: with time limits, without redirects, faults as problems. */
  /** @param until ends what is asked; the signal of the operation unless given */
  http(options: HttpOptions, until?: AbortSignal): DeviceHttp;
}

/** A file on its way from the device. Its content is read to the end before the next file is asked for. */
export interface FetchedFile {
  /** As the device names it: `cfg.json`, `presets.json`. It names no path here. */
  readonly name: string;
  readonly content: AsyncIterable<Uint8Array> | Uint8Array | string;
}

/** A file that was fetched. */
export interface SavedFile {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** All of it. @throws Problem `artefact_too_large` beyond the limit (bytes; 16 MiB unless given) */
  bytes(limit?: number): Promise<Buffer>;
  /** The same as text. @throws Problem `artefact_wrong` where it is no UTF-8 */
  text(limit?: number): Promise<string>;
  /** Where it lies, for programs that read files. */
  readonly path: string;
}

/** All files of one saved configuration. */
export interface SavedFiles {
  readonly files: readonly SavedFile[];
  /** The file of that name. @throws Problem `artefact_wrong` where there is none */
  get(name: string): SavedFile;
}

/** How a saved configuration goes back onto a device. Which devices it fits is guarded before: see `guards`. */
export interface DeviceRestore<Settings> {
  /** What must be the same on the device as when it was saved, and be known. Another one is refused. */
  readonly same: readonly ('model' | 'chip')[];
  /** Remarks that a person reads before: keys in the texts, under `devices.<kind>.warnings`. */
  readonly warnings?: readonly string[];
  /** Writes it back. Returns when the device has taken it. @throws Problem `restore_refused` with its reason */
  run(context: DeviceContext<Settings>, saved: SavedFiles): Promise<void>;
  /** It restarts afterwards; so long it may be away (milliseconds). Absent: it stays. */
  readonly awayMs?: number;
  /** Reads back what was written. @throws Problem `restore_different` */
  verify?(context: DeviceContext<Settings>, saved: SavedFiles): Promise<void>;
}

/** How devices of a kind are found. */
export interface DeviceDiscovery {
  /** Services by which they announce themselves (RFC 6763): `_wled._tcp`. */
  readonly mdns?: readonly string[];
  /** Integrations of Home Assistant that know them: `wled`. */
  readonly integrations?: readonly string[];
  /** Where they listen, unless the address says otherwise. */
  readonly port: number;
  /** Asks, without any credentials, whether such a device is there; undefined where not. Faults of the network may be thrown. */
  recognise(http: DeviceHttp): Promise<Identity | undefined>;
}

interface HandlerOf<Fields extends DeviceFields> {
  /** Stable for ever: `wled`. Its words stand in `translations/` under `devices.<kind>`. */
  readonly kind: string;
  /** What is asked of a person; forms and validation come of it. The order is that of the form. */
  readonly fields: Fields;
  /** The file that a name without an ending gets: `json`. */
  readonly extension?: string;
  /** No file of it is larger (bytes); 64 MiB unless given. */
  readonly maxBytes?: number;
  /** A page in HTML is what is wanted here, and no sign of a wrong address. */
  readonly pages?: true;
  /** Where the device is, so that one is not added twice: usually the address. */
  place(settings: SettingsOf<Fields>): string;
  /** Signs in as a backup does, and says what is there. @throws Problem `device_…` */
  test(context: DeviceContext<SettingsOf<Fields>>): Promise<Identity>;
  /** What is there, asked as cheaply as can be, before each backup; where absent, `test` is asked. @throws Problem `device_…` */
  identify?(context: DeviceContext<SettingsOf<Fields>>): Promise<Identity>;
  /** Its configuration, file by file. @throws Problem `device_…` or `artefact_…` */
  fetch(context: DeviceContext<SettingsOf<Fields>>): AsyncIterable<FetchedFile>;
  /** Whether it is what it should be, offline. Empty files and pages instead of files were refused before. @throws Problem `artefact_…` */
  validate(saved: SavedFiles, settings: SettingsOf<Fields>): Promise<void>;
  /**
   * A file as text to be compared line by line: without what changes by itself (times, counters) and with secrets masked.
   * Undefined where there is nothing to compare. It is shown to people and never written back.
   */
  normalise(name: string, bytes: Buffer): string | undefined | Promise<string | undefined>;
  readonly restore?: DeviceRestore<SettingsOf<Fields>>;
  readonly discovery?: DeviceDiscovery;
}

/** A kind of device, with its types forgotten: what the manager knows. */
export type DeviceHandler = HandlerOf<DeviceFields>;

/** Describes a kind of device. */
export function handler<const Fields extends DeviceFields>(description: HandlerOf<Fields>): DeviceHandler {
  return description as unknown as DeviceHandler;
}
