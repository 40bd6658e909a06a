import type { Credentials } from '../kernel/http/principal.ts';

/** What tells from which page a request comes. */
type Headers = Pick<Credentials, 'header'>;

/** These change nothing. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

export function isSafe(method: string): boolean {
  return SAFE_METHODS.includes(method);
}

/**
 * Whether a request comes from our own page. No script can forge either header: `Sec-Fetch-Site` says it outright, but
 * browsers send it over https and to this machine only; with `Origin` it must be the host that the browser asked for.
 * A proxy in front may have put its own name into `Host`, and the browser's into `X-Forwarded-Host`. Programs that
 * are no browsers say nothing.
 */
export function comesFrom({ header }: Headers): 'own page' | 'other page' | 'no page' {
  const site = header('sec-fetch-site');
  if (site !== undefined) return site === 'same-origin' ? 'own page' : 'other page';
  const origin = header('origin');
  if (origin === undefined) return 'no page';
  const url = URL.parse(origin);
  if (!url) return 'other page';
  const asked = [header('host'), header('x-forwarded-host')?.split(',')[0]?.trim()];
  // read as an address of the same kind, so that `:443` and upper case make no difference
  const isOwn = asked.some((host) => host && URL.parse(`${url.protocol}//${host}`)?.host === url.host);
  return isOwn ? 'own page' : 'other page';
}
