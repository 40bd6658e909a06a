import * as v from 'valibot';
import { Info } from './info.ts';

/** What the Supervisor tells Home Assistant of the core: with it one click pairs. `posted` changes while nobody came. */
export const SupervisorDiscovery = v.object({
  host: v.string(),
  port: v.pipe(v.number(), v.integer()),
  token: v.string(),
  token_id: v.string(),
  ...v.pick(Info, ['instance_id', 'name', 'api_version']).entries,
  posted: v.string(),
});
export type SupervisorDiscovery = v.InferOutput<typeof SupervisorDiscovery>;

/** How others find the core at a broker, and pair with it by a code. Never a token. */
export const PairingAnnouncement = v.object({
  url: v.string(),
  ...v.pick(Info, ['instance_id', 'version', 'api_version', 'name']).entries,
});
export type PairingAnnouncement = v.InferOutput<typeof PairingAnnouncement>;

/** Where the announcement lies, retained. */
export const ANNOUNCEMENT_TOPIC = 'homestash/{instance_id}/discovery';
