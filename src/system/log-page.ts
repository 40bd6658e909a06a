import * as v from 'valibot';
import { LOG_LEVELS, LogEntry, type LogLevel, type LogPage, MAX_LOG_ENTRIES } from '../contract/index.ts';
import { isLoudEnough, type Log } from '../kernel/log.ts';
import type { LogRing } from '../kernel/log-ring.ts';

/** What fills a screen a few times. */
const DEFAULT_ENTRIES = 200;

/** Which lines are asked for: from this level on, and how many at most. */
export const LogQuery = v.object({
  level: v.optional(v.picklist(LOG_LEVELS), 'debug'),
  limit: v.optional(
    v.pipe(
      v.string(),
      v.regex(/^\d{1,6}$/, 'a number of lines'),
      v.transform(Number),
      v.minValue(1),
      v.maxValue(MAX_LOG_ENTRIES),
    ),
    String(DEFAULT_ENTRIES),
  ),
});
type LogQuery = v.InferOutput<typeof LogQuery>;

/** A line as it was written; undefined where a crash left only a part of it. */
function entryOf(line: string): LogEntry | undefined {
  try {
    const { time, level, scope, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
    const entry = v.safeParse(LogEntry, { time, level, scope, message, fields });
    return entry.success ? entry.output : undefined;
  } catch {
    return undefined;
  }
}

/** The newest lines of the log that are loud enough, newest first. */
export async function readLog(ring: LogRing, log: Log, { level, limit }: LogQuery): Promise<LogPage> {
  const lines = await ring.read();
  const entries: LogEntry[] = [];
  for (let at = lines.length - 1; at >= 0 && entries.length < limit; at -= 1) {
    const entry = entryOf(lines[at] as string);
    if (entry && isLoudEnough(entry.level as LogLevel, level)) entries.push(entry);
  }
  return { level: log.level, entries };
}
