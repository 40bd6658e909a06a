import { dirname, join } from 'node:path';
import type { LogLevel } from '../contract/index.ts';

type LogFields = Readonly<Record<string, unknown>>;

/** Takes a finished line, with its end, and how loud it is. */
export type LogSink = (line: string, level: LogLevel) => void;

/** A structured log; fields are written as JSON. */
export interface Log {
  /** How loud it is, for all parts of the program: what is less is not written. */
  level: LogLevel;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log for a part of the program. */
  child(scope: string): Log;
  /** From now on this text never appears in a line, whoever writes it. */
  redact(secret: string): void;
  /** A text with all that never appears in a line masked, also what became known only after the text was made. */
  masked(text: string): string;
  /** From now on each line goes there, too; the returned function ends it. */
  tee(sink: LogSink): () => void;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3 };

/** Whether an entry of this level is written where only those from another one on are. */
export function isLoudEnough(level: LogLevel, from: LogLevel): boolean {
  return RANK[level] >= RANK[from];
}

/** Shorter texts would blot out innocent words. */
const SHORTEST_SECRET = 6;

/** What an error says, without the name of the file: clients name them, with the words of their home. */
function messageOf(error: Error): string {
  const { path, dest } = error as { path?: unknown; dest?: unknown };
  return [path, dest].reduce<string>(
    (message, file) =>
      typeof file === 'string' && file !== '' ? message.replaceAll(file, join(dirname(file), '…')) : message,
    error.message,
  );
}

/** What an Error says of itself, for a log: its chain of causes with codes, no stack but of the innermost defect. */
export function describeError(error: unknown, files: 'hidden' | 'named' = 'hidden'): string {
  const parts: string[] = [];
  for (let at = error, depth = 0; at !== undefined && depth < 5; depth += 1) {
    if (!(at instanceof Error)) {
      parts.push(String(at));
      break;
    }
    const code = 'code' in at && typeof at.code === 'string' && at.code !== at.message ? ` [${at.code}]` : '';
    parts.push(`${at.name}: ${files === 'named' ? at.message : messageOf(at)}${code}`);
    at = at.cause;
  }
  return parts.join(' <- ');
}

function serialise(value: unknown): unknown {
  if (value instanceof Error) return describeError(value);
  if (typeof value === 'bigint') return value.toString();
  return value;
}

/** One line of JSON for each entry, to `write`; secrets are masked in the finished line. */
export function createLog(level: LogLevel, write: (line: string) => void, now: () => number): Log {
  const secrets = new Set<string>();
  const sinks = new Set<LogSink>([write]);
  let loudness = level;
  const masked = (text: string) => {
    let result = text;
    for (const secret of secrets) result = result.replaceAll(secret, '***');
    return result;
  };
  const make = (scope: string): Log => {
    const entry = (entryLevel: LogLevel) => (message: string, fields?: LogFields) => {
      if (!isLoudEnough(entryLevel, loudness)) return;
      const document = { time: new Date(now()).toISOString(), level: entryLevel, scope, message, ...fields };
      const line = masked(JSON.stringify(document, (_key, value) => serialise(value)));
      for (const sink of sinks) sink(`${line}\n`, entryLevel);
    };
    return {
      get level() {
        return loudness;
      },
      set level(value) {
        loudness = value;
      },
      debug: entry('debug'),
      info: entry('info'),
      warning: entry('warning'),
      error: entry('error'),
      child: make,
      redact: (secret) => {
        if (secret.length >= SHORTEST_SECRET) secrets.add(JSON.stringify(secret).slice(1, -1));
      },
      masked,
      tee: (sink) => {
        sinks.add(sink);
        return () => sinks.delete(sink);
      },
    };
  };
  return make('core');
}
