import type { Capabilities, Provider } from '../../../contract/index.ts';

/** Something to be worded: the sentence's code and its values. */
export interface Remark {
  readonly code: string;
  readonly params?: Readonly<Record<string, string>>;
}

/** A provider as data. What its documentation does not say is left out, and found out by the probe. */
export interface Preset {
  readonly id: string;
  readonly name: string;
  /** See `Provider.endpoint`. */
  readonly endpoint: string | null;
  /** Further hosts, with the same placeholders. */
  readonly hosts?: readonly string[];
  readonly example: string;
  readonly regions: readonly string[];
  readonly regionRule: Provider['region_rule'];
  /** The region where the host names none. */
  readonly region?: string;
  /** How a region looks in the host, as the source of a regular expression. */
  readonly regionPattern?: string;
  /** Regions that are signed with another name than the host has. */
  readonly regionNames?: Readonly<Record<string, string>>;
  readonly addressing: Provider['addressing'];
  readonly quirks: readonly Remark[];
  readonly storageClasses?: Provider['storage_classes'];
  readonly encryption?: Provider['encryption'];
  readonly minimumDays?: number;
  readonly parts?: Partial<Capabilities['parts']>;
  /** The store removes uploads that never ended by itself. */
  readonly abortsAfterDays?: number;
  /** How the server calls itself, where the address tells nothing. */
  readonly server?: RegExp;
  readonly keysUrl: string | null;
  readonly docsUrl: string | null;
}

const MIB = 1024 * 1024;

/** The smallest part but the last that AWS and most others take. */
export const USUAL_SMALLEST_PART = 5 * MIB;

/** The most parts that AWS and most others take. */
export const USUAL_MOST_PARTS = 10_000;

/** A storage class from which objects are read at once. */
export const liveClass = (name: string, minimumDays: number | null = null) => ({
  name,
  archived: false,
  minimum_days: minimumDays,
});

/** A storage class out of which objects must be restored first. */
export const archiveClass = (name: string, minimumDays: number | null = null) => ({
  name,
  archived: true,
  minimum_days: minimumDays,
});

/** A remark with a number of days. */
export const inDays = (code: string, days: number): Remark => ({ code, params: { days: String(days) } });
