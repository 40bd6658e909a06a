import type { Door } from './socket.ts';

/** Where Home Assistant listens unless somebody changed it; what people type often lacks it. */
const USUAL_PORT = '8123';

/** The origin of an address: Home Assistant lives at the root, and what a browser shows has a path of a page. */
export function originOf(url: string): string {
  return new URL(url).origin;
}

/** What an address may mean, the likeliest first: where no port was given, the usual one is tried, too. */
export function candidates(url: string): string[] {
  const typed = new URL(url);
  if (typed.port !== '' || /^https?:\/\/[^/]*:\d+/i.test(url)) return [typed.origin];
  const usual = new URL(typed.origin);
  usual.port = USUAL_PORT;
  return [typed.origin, usual.origin];
}

/** The websocket of a Home Assistant at this origin. */
export function doorAt(origin: string, token: string): Door {
  const { host } = new URL(origin);
  return { url: `${origin.replace(/^http/, 'ws')}/api/websocket`, host, token };
}

/** The websocket through the Supervisor's proxy. */
export function supervisorDoor(url: string, token: string): Door {
  const { origin, host } = new URL(url);
  return { url: `${origin.replace(/^http/, 'ws')}/core/websocket`, host, token };
}
