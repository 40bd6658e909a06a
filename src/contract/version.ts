/**
 * The version of what core and shim say to each other. Raised when a change would break the other side;
 * additions that an older side may ignore keep it.
 */
export const API_VERSION = 1;

/** The oldest contract that this core still serves; core and shim are never updated together. */
export const MIN_API_VERSION = 1;

/** The header in which a client names the contract it was built for. */
export const API_VERSION_HEADER = 'Homestash-Api-Version';

/** A list older than this is not given to Home Assistant, which would believe it (seconds). */
export const LIST_MAX_AGE_SECONDS = 600;

/** What the sidecar calls the one key that is ours. */
export const SIDECAR_KEY = 'homestash';

/** The port of the API. */
export const DEFAULT_API_PORT = 8098;

/** The header of a download that carries the CRC-32 of the whole archive, where it is known. */
export const ARCHIVE_CRC32_HEADER = 'Homestash-Crc32';

/** The event stream is never silent for longer (seconds); a listener that hears nothing for three times that reconnects. */
export const EVENTS_HEARTBEAT_SECONDS = 20;
