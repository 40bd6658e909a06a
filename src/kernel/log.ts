import { dirname, join } from 'node:path';

type LogLevel = 'debug' | 'info' | 'warning' | 'error';

type LogFields = Readonly<Record<string, unknown>>;

/** A structured log; fields are written as JSON. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log for a part of the program. */
  child(scope: string): Log;
  /** From now on this text never appears in a line, whoever writes it. */
  redact(secret: string): void;
}

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warning: 2, error: 3 };

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
  const make = (scope: string): Log => {
    const entry = (entryLevel: LogLevel) => (message: string, fields?: LogFields) => {
      if (RANK[entryLevel] < RANK[level]) return;
      const document = { time: new Date(now()).toISOString(), level: entryLevel, scope, message, ...fields };
      let line = JSON.stringify(document, (_key, value) => serialise(value));
      for (const secret of secrets) line = line.replaceAll(secret, '***');
      write(`${line}\n`);
    };
    return {
      debug: entry('debug'),
      info: entry('info'),
      warning: entry('warning'),
      error: entry('error'),
      child: make,
      redact: (secret) => {
        if (secret.length >= SHORTEST_SECRET) secrets.add(JSON.stringify(secret).slice(1, -1));
      },
    };
  };
  return make('core');
}
