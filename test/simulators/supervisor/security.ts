import type { IncomingMessage } from 'node:http';
import { PlainFault } from './answers.ts';

/** Who calls: Home Assistant Core, the app, or somebody whom nobody was asked about. */
export type Caller = 'core' | 'app' | undefined;

/** Texts that no harmless request has in its path or its query, as the Supervisor sees it. */
const HARMFUL: readonly RegExp[] = [
  /proc\/self\/environ/i,
  /(<|%3c).*script.*(>|%3e)/i,
  /\.\.\//,
  /\w=\/([a-z0-9_.]\/\/?)+/i,
  /union.*select.*\(/i,
  /union.*all.*select/i,
  /concat.*\(/i,
];

/** What of Core's API runs as the Supervisor itself. */
const NEVER = /^\/(homeassistant|core)\/api\/hassio[/_]/;

/** These look at who calls by themselves. */
const UNCHECKED = [
  /^\/(homeassistant|core)\/api\//,
  /^\/(homeassistant|core)\/websocket$/,
  /^\/supervisor\/ping$/,
  /^\/ingress\/[-_A-Za-z0-9]+\/./,
  /^\/ingress\/[-_A-Za-z0-9]+\/$/,
  /^\/(store\/)?addons\/[-_.A-Za-z0-9]+\/(logo|icon)$/,
];

/** What an app may ask for without `hassio_api`. */
const FOR_APPS = [
  /^\/addons\/self\/(?!security|update)[^/]+$/,
  /^\/addons\/self\/options\/config$/,
  /^\/info$/,
  /^\/services/,
  /^\/discovery/,
  /^\/auth$/,
];

const any = (patterns: readonly RegExp[], text: string) => patterns.some((pattern) => pattern.test(text));

/** Undone until nothing is left to undo: what was encoded twice is looked at, too. */
function decodeAll(text: string): string {
  let decoded = text;
  for (;;) {
    const before = decoded;
    try {
      decoded = decodeURIComponent(decoded);
    } catch {
      return before;
    }
    if (decoded === before) return decoded;
  }
}

/** @throws PlainFault 400 for what looks like an attack. */
export function blockHarmful(path: string, query: string): void {
  if (any(HARMFUL, decodeAll(path)) || any(HARMFUL, decodeAll(query))) throw new PlainFault(400);
}

function tokenOf({ headers }: IncomingMessage): string | undefined {
  const own = headers['x-supervisor-token'] ?? headers['x-hassio-key'];
  return typeof own === 'string' ? own : headers.authorization?.split(' ').at(-1);
}

/** Says who calls. @throws PlainFault 401 or 403 */
export function admit(
  request: IncomingMessage,
  path: string,
  tokens: { readonly core: string; readonly app: string },
): Caller {
  if (NEVER.test(path)) throw new PlainFault(403);
  if (any(UNCHECKED, path)) return undefined;
  const token = tokenOf(request);
  if (!token) throw new PlainFault(401);
  if (token === tokens.core) return 'core';
  if (token === tokens.app && any(FOR_APPS, path)) return 'app';
  throw new PlainFault(403);
}
