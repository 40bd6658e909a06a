import * as v from 'valibot';
import { Bytes, Name, Timestamp } from './common.ts';
import { LANGUAGES } from './languages.ts';
import { ProblemDocument } from './problems.ts';

/** What a person wants to know of the box, and what helps who helps them. */
export const About = v.object({
  name: v.string(),
  version: v.string(),
  node: v.string(),
  platform: v.string(),
  instance_id: v.string(),
  started_at: Timestamp,
  /** As an app of Home Assistant, or on its own. */
  mode: v.picklist(['app', 'standalone']),
  data_bytes: v.nullable(Bytes),
  disk_free_bytes: v.nullable(Bytes),
  disk_total_bytes: v.nullable(Bytes),
  /** When the newest checked copy of the database was made. */
  database_copied_at: v.nullable(Timestamp),
  /** Why there is no newer one: the last attempt failed. */
  database_copy_problem: v.nullable(ProblemDocument),
  /** Which settings come from a file or the environment with each start, and why none do. */
  provided: v.object({ settings: v.array(v.string()), problem: v.nullable(ProblemDocument) }),
});
export type About = v.InferOutput<typeof About>;

/** How loud the log is. */
export const LOG_LEVELS = ['debug', 'info', 'warning', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A line of the log. */
export const LogEntry = v.object({
  time: Timestamp,
  level: v.picklist(LOG_LEVELS),
  scope: v.string(),
  message: v.string(),
  /** All that the line says besides, as written. */
  fields: v.record(v.string(), v.unknown()),
});
export type LogEntry = v.InferOutput<typeof LogEntry>;

/** The newest lines that are loud enough, newest first. */
export const LogPage = v.object({ level: v.picklist(LOG_LEVELS), entries: v.array(LogEntry) });
export type LogPage = v.InferOutput<typeof LogPage>;

/** Lines that one answer holds at most. */
export const MAX_LOG_ENTRIES = 1_000;

/** Changes how loud the log is until the next start. */
export const LogLevelRequest = v.object({ level: v.picklist(LOG_LEVELS) });

const Origin = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(300),
  v.check((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
  }, 'an origin such as https://dash.example.org'),
);

/** What can be set of the core as a whole. */
export const GeneralSettings = v.object({
  name: Name,
  /** Web pages from elsewhere that may use the API with a token (CORS). */
  cors_origins: v.pipe(v.array(Origin), v.maxLength(50)),
  /** After how many days without a backup a person is told; 0 follows Home Assistant's schedule. */
  overdue_days: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(365)),
  /** In which language those are told who cannot be asked: files, messages, entities. `auto` is that of Home Assistant. */
  language: v.picklist(['auto', ...LANGUAGES]),
});
export type GeneralSettings = v.InferOutput<typeof GeneralSettings>;

/** A change: what is absent stays. */
export const GeneralSettingsPatch = v.partial(GeneralSettings);

/** The key with which everything that goes off-site by itself is sealed (age, X25519). */
export const RecoveryKeyState = v.object({
  /** Whose public half this is; not secret. */
  recipient: v.string(),
  created_at: Timestamp,
  /** When a person said that it is kept; null: it is still to be written down. */
  kept_at: v.nullable(Timestamp),
});
export type RecoveryKeyState = v.InferOutput<typeof RecoveryKeyState>;

/** The secret half, for a person who writes it down. */
export const RecoveryKey = v.object({ identity: v.string() });
export type RecoveryKey = v.InferOutput<typeof RecoveryKey>;
