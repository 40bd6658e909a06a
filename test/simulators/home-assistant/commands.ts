import * as v from 'valibot';
import type { Home } from './home.ts';

interface Command {
  readonly admin: boolean;
  /** What may stand in it besides `id` and `type`; anything else is refused, as probatio does it. */
  readonly members: v.GenericSchema;
  readonly answer: (home: Home, message: never) => unknown;
}

const Retention = v.strictObject({
  copies: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1)))),
  days: v.optional(v.nullable(v.pipe(v.number(), v.integer(), v.minValue(1)))),
});
const Unique = v.pipe(
  v.array(v.string()),
  v.check((list) => new Set(list).size === list.length, 'unique'),
);
const Folders = v.array(v.picklist(['share', 'addons/local', 'ssl', 'media']));

const Update = v.strictObject({
  automatic_backups_configured: v.optional(v.boolean()),
  create_backup: v.optional(
    v.strictObject({
      agent_ids: v.optional(Unique),
      include_addons: v.optional(v.nullable(Unique)),
      include_all_addons: v.optional(v.boolean()),
      include_database: v.optional(v.boolean()),
      include_folders: v.optional(v.nullable(Folders)),
      name: v.optional(v.nullable(v.string())),
      password: v.optional(v.nullable(v.string())),
    }),
  ),
  retention: v.optional(Retention),
  schedule: v.optional(
    v.strictObject({
      days: v.optional(v.array(v.picklist(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))),
      recurrence: v.optional(v.picklist(['never', 'daily', 'custom_days'])),
      time: v.optional(v.nullable(v.pipe(v.string(), v.regex(/^\d{2}:\d{2}(:\d{2})?$/)))),
    }),
  ),
});

const Generate = v.strictObject({
  agent_ids: v.array(v.string()),
  include_addons: v.optional(v.array(v.string())),
  include_all_addons: v.optional(v.boolean(), false),
  include_database: v.optional(v.boolean(), true),
  include_folders: v.optional(Folders),
  include_homeassistant: v.optional(v.boolean(), true),
  name: v.optional(v.nullable(v.string())),
  password: v.optional(v.nullable(v.string())),
});

const command = <Members extends v.GenericSchema>(
  members: Members,
  answer: (home: Home, message: v.InferOutput<Members>) => unknown,
  admin = true,
): Command => ({ admin, members, answer });

const none = v.strictObject({});

/** What Home Assistant 2026.11 does with the commands that we send, as its source says. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  // is answered with a pong instead
  ping: command(none, () => null, false),
  get_config: command(none, ({ config }) => config, false),
  subscribe_events: command(v.strictObject({ event_type: v.string() }), () => null, false),
  'config/auth/list': command(none, ({ users }) => users),
  'backup/subscribe_events': command(none, () => null),
  'backup/agents/info': command(none, ({ agents }) => ({ agents })),
  'backup/config/info': command(none, ({ backups }) => ({ config: backups })),
  'backup/config/update': command(Update, (home, change) => {
    const { create_backup, schedule, retention, automatic_backups_configured } = change;
    const { backups } = home;
    if (automatic_backups_configured !== undefined)
      backups.automatic_backups_configured = automatic_backups_configured;
    if (create_backup) Object.assign(backups.create_backup, create_backup);
    // both are replaced as a whole: what is not named falls back
    if (retention) backups.retention = { copies: retention.copies ?? null, days: retention.days ?? null };
    if (schedule) {
      const { days = [], recurrence = 'never', time = null } = schedule;
      backups.schedule = { days, recurrence, time };
    }
    return null;
  }),
  'backup/generate': command(Generate, (home, wanted) => home.generate(wanted.agent_ids, wanted)),
  'backup/generate_with_automatic_settings': command(none, (home) =>
    home.generate(home.backups.create_backup.agent_ids, 'automatic'),
  ),
};
