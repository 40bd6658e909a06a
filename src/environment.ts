import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { DEFAULT_API_PORT } from './contract/index.ts';

/** No byte on a stream for so long: the other side is gone (seconds). */
const DEFAULT_IDLE_SECONDS = 120;

const MAX_PORT = 65_535;
const DAY_SECONDS = 86_400;

const integer = (low: number, high: number) =>
  v.pipe(
    v.string(),
    v.regex(/^\d+$/, 'a whole number'),
    v.transform(Number),
    v.minValue(low),
    v.maxValue(high),
  );

const Environment = v.object({
  HOMESTASH_DATA: v.optional(v.pipe(v.string(), v.check(isAbsolute, 'an absolute path'))),
  HOMESTASH_API_PORT: v.optional(integer(0, MAX_PORT)),
  HOMESTASH_BIND: v.optional(v.pipe(v.string(), v.nonEmpty())),
  HOMESTASH_LOG_LEVEL: v.optional(v.picklist(['debug', 'info', 'warning', 'error'])),
  HOMESTASH_STREAM_IDLE_SECONDS: v.optional(integer(1, DAY_SECONDS)),
  XDG_DATA_HOME: v.optional(v.string()),
});

/** What the environment says of how to run. */
export interface RunOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly bind: string;
  readonly logLevel: 'debug' | 'info' | 'warning' | 'error';
  readonly idleTimeoutMs: number;
}

function defaultDataDir(xdgDataHome: string | undefined): string {
  const base = xdgDataHome && isAbsolute(xdgDataHome) ? xdgDataHome : join(homedir(), '.local', 'share');
  return join(base, 'homestash');
}

/** Reads the environment. @throws Error that names the variable and what it should be. */
export function readEnvironment(env: NodeJS.ProcessEnv): RunOptions {
  const set = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = v.safeParse(Environment, set);
  if (!parsed.success) {
    const wrong = parsed.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('; ');
    throw new Error(`the environment is wrong: ${wrong}`);
  }
  const values = parsed.output;
  return {
    dataDir: values.HOMESTASH_DATA ?? defaultDataDir(values.XDG_DATA_HOME),
    port: values.HOMESTASH_API_PORT ?? DEFAULT_API_PORT,
    bind: values.HOMESTASH_BIND ?? '127.0.0.1',
    logLevel: values.HOMESTASH_LOG_LEVEL ?? 'info',
    idleTimeoutMs: (values.HOMESTASH_STREAM_IDLE_SECONDS ?? DEFAULT_IDLE_SECONDS) * 1000,
  };
}
