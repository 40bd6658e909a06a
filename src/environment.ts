import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import * as v from 'valibot';
import { DEFAULT_API_PORT, LOG_LEVELS, type LogLevel } from './contract/index.ts';
import { settingsIn } from './provisioning/environment.ts';
import type { ProvisioningSources } from './provisioning/index.ts';

/** No byte on a stream for so long: the other side is gone (seconds). */
const DEFAULT_IDLE_SECONDS = 120;

/** What the Supervisor sends ingress to by default, where it sends it from, and where it listens. */
const DEFAULT_INGRESS_PORT = 8099;
const DEFAULT_INGRESS_GATEWAY = '172.30.32.2';
const DEFAULT_SUPERVISOR = 'http://supervisor';

/** Where the Supervisor lets an app keep its data, with the app's options in `options.json`. */
const APP_DATA = '/data';

/** Where settings are looked for unless another file is named. */
const PROVIDED_FILE = 'homestash.yaml';

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
  HOMESTASH_STATE: v.optional(v.pipe(v.string(), v.check(isAbsolute, 'an absolute path'))),
  HOMESTASH_BIND: v.optional(v.pipe(v.string(), v.nonEmpty())),
  HOMESTASH_LOG_LEVEL: v.optional(v.picklist(LOG_LEVELS)),
  HOMESTASH_STREAM_IDLE_SECONDS: v.optional(integer(1, DAY_SECONDS)),
  HOMESTASH_INGRESS_PORT: v.optional(integer(0, MAX_PORT)),
  HOMESTASH_INGRESS_GATEWAY: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => isIP(text) > 0, 'an IP address'),
    ),
  ),
  HOMESTASH_CONFIG: v.optional(v.pipe(v.string(), v.check(isAbsolute, 'an absolute path'))),
  HOMESTASH_SUPERVISOR: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'an http:// or https:// address'),
    ),
  ),
  SUPERVISOR_TOKEN: v.optional(v.string()),
  RUNTIME_DIRECTORY: v.optional(v.string()),
  XDG_DATA_HOME: v.optional(v.string()),
});

/** The options of the app that a person can set in Home Assistant. */
const AppOptions = v.object({ log_level: v.picklist(LOG_LEVELS) });

/** What the environment says of how to run. */
export interface RunOptions {
  readonly dataDir: string;
  /** Where the state lies as files for programs of others; among the data if not given. */
  readonly stateDir?: string;
  readonly port: number;
  readonly bind: string;
  readonly logLevel: LogLevel;
  readonly idleTimeoutMs: number;
  /** As an app of Home Assistant: where its Supervisor is, and what it knows us by. */
  readonly supervisor?: { readonly url: string; readonly token: string };
  /** Where settings may be provided. */
  readonly provisioning?: ProvisioningSources;
  /** Where Home Assistant's ingress brings people; without it they sign in on the port of the API. */
  readonly ingress?: { readonly port: number; readonly gateway: string; readonly bind: string };
}

function defaultDataDir(xdgDataHome: string | undefined): string {
  const base = xdgDataHome && isAbsolute(xdgDataHome) ? xdgDataHome : join(homedir(), '.local', 'share');
  return join(base, 'homestash');
}

/** Where the state lies as files: in memory where systemd gives a folder there, so that an SD card is not worn. */
function stateDirIn(stateDir: string | undefined, runtime: string | undefined): { stateDir?: string } {
  if (stateDir !== undefined) return { stateDir };
  const [folder = ''] = (runtime ?? '').split(':');
  return isAbsolute(folder) ? { stateDir: join(folder, 'state') } : {};
}

/** The log level among the options of the app; undefined where there are none that can be read. */
function optionsLevel(dataDir: string): LogLevel | undefined {
  try {
    const options = v.safeParse(AppOptions, JSON.parse(readFileSync(join(dataDir, 'options.json'), 'utf8')));
    return options.success ? options.output.log_level : undefined;
  } catch {
    return undefined;
  }
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
  const token = values.SUPERVISOR_TOKEN;
  const isApp = token !== undefined;
  const dataDir = values.HOMESTASH_DATA ?? (isApp ? APP_DATA : defaultDataDir(values.XDG_DATA_HOME));
  // the Supervisor's network is one of containers: an app that listens to itself alone is heard by nobody
  const bind = values.HOMESTASH_BIND ?? (isApp ? '0.0.0.0' : '127.0.0.1');
  return {
    dataDir,
    ...stateDirIn(values.HOMESTASH_STATE, values.RUNTIME_DIRECTORY),
    bind,
    port: values.HOMESTASH_API_PORT ?? DEFAULT_API_PORT,
    logLevel: values.HOMESTASH_LOG_LEVEL ?? (isApp ? optionsLevel(dataDir) : undefined) ?? 'info',
    idleTimeoutMs: (values.HOMESTASH_STREAM_IDLE_SECONDS ?? DEFAULT_IDLE_SECONDS) * 1000,
    provisioning: {
      file: values.HOMESTASH_CONFIG ?? join(dataDir, PROVIDED_FILE),
      required: values.HOMESTASH_CONFIG !== undefined,
      variables: settingsIn(env),
    },
    ...(isApp && {
      supervisor: { url: values.HOMESTASH_SUPERVISOR ?? DEFAULT_SUPERVISOR, token },
      ingress: {
        port: values.HOMESTASH_INGRESS_PORT ?? DEFAULT_INGRESS_PORT,
        gateway: values.HOMESTASH_INGRESS_GATEWAY ?? DEFAULT_INGRESS_GATEWAY,
        bind,
      },
    }),
  };
}
