import type { IncomingMessage } from 'node:http';
import { PATHS } from './contract/paths.ts';
import { DEFAULT_API_PORT } from './contract/version.ts';

// A container asks every minute, in a process of its own: what costs more than a bare Node is left out. That is
// `fetch`, schemas, and an `import` of node:http, which loads all of `fetch` for exports that nobody asked for.
const { request } = process.getBuiltinModule('node:http');

/** A core that takes longer for this is not well; less than what HEALTHCHECK in the Dockerfile waits (milliseconds). */
const PATIENCE_MS = 4_000;

/** Where a program on the same machine finds a server that listens on every address. */
const OWN_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function ask(host: string, port: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    request({ host, port, path: PATHS.health, agent: false, signal }, resolve).on('error', reject).end();
  });
}

/** Asks the core that listens there whether it is well. @throws Error that says why it is not. */
export async function askHealth(host: string, port: number): Promise<void> {
  const answer = await ask(OWN_ADDRESS[host] ?? host, port);
  let said = '';
  for await (const chunk of answer.setEncoding('utf8')) said += chunk;
  if (answer.statusCode !== 200 || !said.includes('"homestash"')) {
    throw new Error(
      `what answers on port ${port} is no Homestash that is well (status ${answer.statusCode})`,
    );
  }
}

/** The same for the core that was started in this environment. */
export async function askOwnHealth(env: NodeJS.ProcessEnv): Promise<void> {
  const port = Number(env.HOMESTASH_API_PORT || DEFAULT_API_PORT);
  if (port === 0) throw new Error('HOMESTASH_API_PORT is 0, so nobody knows where to ask');
  await askHealth(env.HOMESTASH_BIND || '127.0.0.1', port);
}
