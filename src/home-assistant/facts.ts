import * as v from 'valibot';
import type { HomeAssistant, HomeAssistantBackups } from '../contract/index.ts';
import { timestamp } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';

type Home = NonNullable<HomeAssistant['home']>;

/** `get_config`: of all that it says, what we use. */
const Config = v.object({
  location_name: v.string(),
  version: v.string(),
  language: v.optional(v.string(), 'en'),
  time_zone: v.string(),
  currency: v.optional(v.string(), 'EUR'),
  country: v.nullish(v.string(), null),
  components: v.array(v.string()),
});

const Moment = v.nullish(v.string(), null);

/** `backup/config/info`. */
const BackupConfig = v.object({
  config: v.object({
    automatic_backups_configured: v.optional(v.boolean(), true),
    create_backup: v.object({
      agent_ids: v.array(v.string()),
      include_addons: v.nullish(v.array(v.string()), null),
      include_all_addons: v.optional(v.boolean(), false),
      include_database: v.optional(v.boolean(), true),
      include_folders: v.nullish(v.array(v.string()), null),
      password: v.nullish(v.string(), null),
    }),
    retention: v.object({ copies: v.nullish(v.number(), null), days: v.nullish(v.number(), null) }),
    schedule: v.object({
      // what a newer Home Assistant adds is some rhythm, too
      recurrence: v.fallback(v.picklist(['never', 'daily', 'custom_days']), 'custom_days'),
      days: v.array(v.string()),
      time: v.nullish(v.string(), null),
    }),
    last_attempted_automatic_backup: Moment,
    last_completed_automatic_backup: Moment,
    next_automatic_backup: Moment,
  }),
});

/** Home Assistant's settings of automatic backups. It holds the password: it is looked at and let go. */
export type BackupConfig = v.InferOutput<typeof BackupConfig>['config'];

/** `backup/agents/info`. */
const Agents = v.object({ agents: v.array(v.object({ agent_id: v.string(), name: v.string() })) });

/** A location for backups, as Home Assistant knows it. */
export type Agent = v.InferOutput<typeof Agents>['agents'][number];

/** An event of `backup/subscribe_events`. */
const ManagerEvent = v.object({
  manager_state: v.string(),
  state: v.nullish(v.string(), null),
  stage: v.nullish(v.string(), null),
  reason: v.nullish(v.string(), null),
  /** Only with the progress of an upload. */
  uploaded_bytes: v.optional(v.number()),
});

/** How Home Assistant's backups go on. */
export type ManagerEvent = v.InferOutput<typeof ManagerEvent>;

/** A user, of `config/auth/list`. */
const User = v.object({
  id: v.string(),
  is_owner: v.boolean(),
  is_active: v.boolean(),
  group_ids: v.array(v.string()),
});
type User = v.InferOutput<typeof User>;

function fitting<Schema extends v.GenericSchema>(
  schema: Schema,
  what: string,
  answer: unknown,
): v.InferOutput<Schema> {
  const parsed = v.safeParse(schema, answer);
  if (parsed.success) return parsed.output;
  const path = v.getDotPath(parsed.issues[0]);
  throw new Problem('home_assistant_unexpected', { params: { reason: path ? `${what}: ${path}` : what } });
}

/** What Home Assistant says of itself, and whether it has a Supervisor. */
export function readHome(answer: unknown): { home: Home; supervised: boolean } {
  const { location_name, components, ...home } = fitting(Config, 'get_config', answer);
  return { home: { name: location_name, ...home }, supervised: components.includes('hassio') };
}

export const readBackupConfig = (answer: unknown): BackupConfig =>
  fitting(BackupConfig, 'backup/config/info', answer).config;

export const readAgents = (answer: unknown): Agent[] => fitting(Agents, 'backup/agents/info', answer).agents;

/** The users, without those entries that are none. */
export function readUsers(answer: unknown): User[] {
  const users = fitting(v.array(v.unknown()), 'config/auth/list', answer);
  return users.filter((user): user is User => v.is(User, user));
}

/** An event, or undefined for what is none. */
export function readManagerEvent(event: unknown): ManagerEvent | undefined {
  const parsed = v.safeParse(ManagerEvent, event);
  return parsed.success ? parsed.output : undefined;
}

/** Home Assistant writes moments with the offset of the home. */
function moment(text: string | null): string | null {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? null : timestamp(ms);
}

/** A rhythm of chosen days without a day never comes round. */
export function neverMade({ schedule: { recurrence, days } }: Pick<BackupConfig, 'schedule'>): boolean {
  return recurrence === 'never' || (recurrence === 'custom_days' && days.length === 0);
}

/** The settings and the locations as people are shown them. */
export function describeBackups(
  config: BackupConfig,
  agents: readonly Agent[],
): Omit<HomeAssistantBackups, 'state' | 'stage' | 'last_result'> {
  const chosen = config.create_backup.agent_ids;
  const known = new Set(agents.map(({ agent_id }) => agent_id));
  // a location that is chosen and not there just now is named as Home Assistant's own page does
  const missing = chosen.filter((id) => !known.has(id)).map((id) => ({ agent_id: id, name: nameOf(id) }));
  return {
    schedule: {
      recurrence: config.schedule.recurrence,
      days: config.schedule.days,
      time: config.schedule.time,
      next: moment(config.next_automatic_backup),
      last_attempt: moment(config.last_attempted_automatic_backup),
      last_completed: moment(config.last_completed_automatic_backup),
    },
    encrypted: config.create_backup.password !== null,
    locations: [...agents, ...missing].map((agent) => ({
      ...agent,
      automatic: chosen.includes(agent.agent_id),
    })),
  };
}

function nameOf(agentId: string): string {
  return agentId.slice(agentId.indexOf('.') + 1) || agentId;
}
