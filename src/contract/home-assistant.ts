import * as v from 'valibot';
import { Bytes, MAX_TEXT, Timestamp } from './common.ts';
import { ProblemDocument } from './problems.ts';

/** A location for backups as Home Assistant knows it: ours (`homestash.<unique_id of the target>`) and others. */
const Location = v.object({
  agent_id: v.string(),
  name: v.string(),
  /** Whether Home Assistant's automatic backups go there. */
  automatic: v.boolean(),
});

/** When Home Assistant makes backups by itself. */
const Schedule = v.object({
  recurrence: v.picklist(['never', 'daily', 'custom_days']),
  /** `mon` to `sun`, with `custom_days`. */
  days: v.array(v.string()),
  /** `04:45:00` in the home's time zone; null is a time of Home Assistant's own choice. */
  time: v.nullable(v.string()),
  next: v.nullable(Timestamp),
  last_attempt: v.nullable(Timestamp),
  last_completed: v.nullable(Timestamp),
});

/** Home Assistant's side of backups. */
export const HomeAssistantBackups = v.object({
  /** `idle`, `create_backup` … as Home Assistant calls it. */
  state: v.string(),
  /** What it is at within a creation (`home_assistant`, `upload_to_agents` …); null when idle. */
  stage: v.nullable(v.string()),
  schedule: Schedule,
  /** Whether automatic backups are encrypted with a password that Home Assistant keeps. */
  encrypted: v.boolean(),
  locations: v.array(Location),
  /** How the newest creation that was seen ended; null where none was seen. */
  last_result: v.nullable(
    v.object({ outcome: v.picklist(['completed', 'failed']), reason: v.nullable(v.string()), at: Timestamp }),
  ),
});
export type HomeAssistantBackups = v.InferOutput<typeof HomeAssistantBackups>;

/** The way back into Home Assistant, and what it says of itself. */
export const HomeAssistant = v.object({
  /** `off`: no address and token were given, and there is no Supervisor. `refused`: the token is not accepted. */
  state: v.picklist(['off', 'connecting', 'connected', 'refused', 'away']),
  via: v.nullable(v.picklist(['supervisor', 'token'])),
  url: v.nullable(v.string()),
  since: Timestamp,
  problem: v.nullable(ProblemDocument),
  /** What was last heard; stays while it is away. */
  home: v.nullable(
    v.object({
      name: v.string(),
      version: v.string(),
      language: v.string(),
      time_zone: v.string(),
      currency: v.string(),
      country: v.nullable(v.string()),
    }),
  ),
  backups: v.nullable(HomeAssistantBackups),
});
export type HomeAssistant = v.InferOutput<typeof HomeAssistant>;

/** How to reach Home Assistant without a Supervisor; tried before it is kept. */
export const HomeAssistantAccess = v.object({
  url: v.pipe(
    v.string(),
    v.trim(),
    v.maxLength(MAX_TEXT),
    v.check((text) => {
      const url = URL.parse(text);
      return url !== null && /^https?:$/.test(url.protocol) && url.username === '' && url.search === '';
    }, 'an http:// or https:// address without user and query'),
  ),
  /** A long-lived access token of an administrator. */
  token: v.pipe(
    v.string(),
    v.trim(),
    v.minLength(1),
    v.maxLength(MAX_TEXT),
    v.regex(/^[\x21-\x7e]+$/, 'no spaces inside'),
  ),
});
export type HomeAssistantAccess = v.InferOutput<typeof HomeAssistantAccess>;

const AgentId = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

/**
 * Asks Home Assistant for a backup now. Without locations, with its own automatic settings; where those have none of
 * its locations chosen, they must be named.
 */
export const BackupNowRequest = v.object({
  agent_ids: v.optional(v.pipe(v.array(AgentId), v.minLength(1), v.maxLength(50))),
});
export type BackupNowRequest = v.InferOutput<typeof BackupNowRequest>;

/** Whether Home Assistant's automatic backups go to a location; all else in its settings stays. */
export const AutomaticRequest = v.object({
  agent_id: AgentId,
  enabled: v.boolean(),
  /** Where automatic backups are off altogether: make them daily, too. */
  schedule: v.optional(v.boolean(), false),
  /**
   * Where nobody has set up automatic backups in Home Assistant yet: the key to encrypt them with, made on the person's
   * own page as Home Assistant's assistant makes it, and shown there to be kept. Everything else that the assistant
   * recommends is set, too. Without it such a home is refused (`home_assistant_no_key`); a key that is there stays.
   */
  key: v.optional(
    v.pipe(v.string(), v.regex(/^[A-Z0-9]{4}(-[A-Z0-9]{4}){6}$/, 'seven groups of four capitals and digits')),
  ),
});
export type AutomaticRequest = v.InferOutput<typeof AutomaticRequest>;

/** How a backup stands at one of the targets: its bytes, and when it arrived. */
export const LastBackup = v.object({
  at: Timestamp,
  name: v.string(),
  size: Bytes,
  /** In how many targets it lies. */
  places: v.pipe(v.number(), v.integer()),
});
export type LastBackup = v.InferOutput<typeof LastBackup>;
