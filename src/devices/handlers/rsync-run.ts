import { spawn } from 'node:child_process';
import { Problem } from '../../kernel/errors.ts';
import { firstLine } from '../ssh/words.ts';

/** What it says of a failure is kept so far (signs). */
const MOST_SAID = 16_384;

interface RsyncOptions {
  /** Each an argument of its own; no shell reads them. */
  readonly args: readonly string[];
  /** Where it runs; nothing of the environment goes along. */
  readonly cwd: string;
  readonly signal: AbortSignal;
  /** Host and path, as they stand in sentences. */
  readonly host: string;
  readonly path: string;
  /** What must stand in no sentence. */
  readonly secrets: readonly string[];
}

/** Runs rsync to its end. @throws Problem `device_…`; the signal's reason */
export async function runRsync(options: RsyncOptions): Promise<void> {
  const { signal } = options;
  signal.throwIfAborted();
  const { status, said } = await run(options);
  if (signal.aborted) throw signal.reason;
  // files that went away while it read are none
  if (status === 0 || status === 24) return;
  throw faultOf(status, said, options);
}

function run({ args, cwd, signal }: RsyncOptions): Promise<{ status: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('rsync', args, {
      cwd,
      env: {
        PATH: process.env.PATH ?? '/usr/bin:/bin',
        HOME: cwd,
        LC_ALL: 'C',
        // otherwise it asks at a terminal where a daemon wants one
        RSYNC_PASSWORD: '',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
      // with a group of its own, ssh ends with it
      detached: true,
    });
    const end = () => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // it has just ended by itself
      }
    };
    signal.addEventListener('abort', end, { once: true });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < MOST_SAID) said += text.slice(0, MOST_SAID);
    });
    child.once('error', (error) => {
      signal.removeEventListener('abort', end);
      const missing = 'code' in error && error.code === 'ENOENT';
      reject(missing ? new Problem('device_program', { params: { program: 'rsync' }, cause: error }) : error);
    });
    child.once('close', (status) => {
      signal.removeEventListener('abort', end);
      resolve({ status, said });
    });
  });
}

/** What ssh and rsync say, in the language C, and what it means. The first that fits counts. */
const SAID: readonly (readonly [RegExp, (host: string, path: string) => Problem])[] = [
  [/failed to exec ssh/i, () => new Problem('device_program', { params: { program: 'ssh' } })],
  [
    /host key verification failed|remote host identification has changed/i,
    (host) => new Problem('device_pin', { params: { host, fingerprint: '?' } }),
  ],
  // ssh names the methods, and rsync the number of an error
  [
    /permission denied \([a-z]|too many authentication failures|@error: auth failed/i,
    (host) => new Problem('device_password', { params: { host } }),
  ],
  [
    /could not resolve|name or service not known|getaddrinfo/i,
    (host) => new Problem('device_dns', { params: { host } }),
  ],
  [
    /connection refused|no route to host|network is unreachable/i,
    (host) => new Problem('device_refused', { params: { host } }),
  ],
  [
    /@error: unknown module|(?:link_stat|change_dir) .* failed: no such file or directory|@error: chdir failed/i,
    (host, path) => new Problem('device_nothing', { params: { host: `${host}:${path}` } }),
  ],
  [
    /permission denied \(13\)/i,
    (host, path) => new Problem('device_forbidden', { params: { host: `${host}:${path}` } }),
  ],
  [
    /timed out|timeout in data send\/receive|timeout waiting for daemon/i,
    (host) => new Problem('device_timeout', { params: { host } }),
  ],
];

/** Ends of rsync (rsync(1), "EXIT VALUES") that say it all. */
const CUT = [10, 12, 255];
const TIMEOUT = [30, 35];

function faultOf(status: number | null, said: string, { host, path, secrets }: RsyncOptions): Problem {
  for (const [pattern, problem] of SAID) if (pattern.test(said)) return problem(host, path);
  const reason = firstLine(said, secrets);
  if (/not found/i.test(reason)) return new Problem('device_failed', { params: { host, reason } });
  if (status !== null && CUT.includes(status)) return new Problem('device_cut', { params: { host } });
  if (status !== null && TIMEOUT.includes(status)) return new Problem('device_timeout', { params: { host } });
  const words = [reason, `rsync status ${status ?? '?'}`].filter((part) => part !== '').join(', ');
  return new Problem('device_failed', { params: { host, reason: words } });
}
