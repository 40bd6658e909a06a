import { SESSION_COOKIE } from '../contract/index.ts';

type Header = (name: string) => string | undefined;

const COOKIE = new RegExp(`(?:^|;)\\s*${SESSION_COOKIE}=([A-Za-z0-9_.-]{1,200})\\s*(?:;|$)`);

/** The session that a browser sends (RFC 6265, section 4.2). */
export function readCookie(header: Header): string | undefined {
  return COOKIE.exec(header('cookie') ?? '')?.[1];
}

/** Whether the browser came over https, to a proxy in front of us. It decides about its own cookie and nothing else. */
function cameOverHttps(header: Header): boolean {
  return header('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase() === 'https';
}

/** The `Set-Cookie` that keeps a session in the browser for so long, and away from scripts and from other sites. */
export function writeCookie(value: string, maxAgeMs: number, header: Header): string {
  const parts = [
    `${SESSION_COOKIE}=${value}`,
    'Path=/',
    `Max-Age=${Math.max(0, Math.floor(maxAgeMs / 1000))}`,
    'HttpOnly',
    'SameSite=Strict',
  ];
  if (cameOverHttps(header)) parts.push('Secure');
  return parts.join('; ');
}
