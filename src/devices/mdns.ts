import type { Clock } from '../kernel/clock.ts';

/** A device that announces itself (RFC 6762, RFC 6763). */
export interface Announced {
  /** `_wled._tcp` */
  readonly service: string;
  readonly name: string;
  /** IP address, with the port where it is not the usual one. */
  readonly address: string;
}

/** It is asked so often, and listened so long after each time (milliseconds): devices answer within a second, or the next time. */
const ROUNDS = 3;
const ROUND_MS = 1_000;

/** More announcements are no home (of each kind of record). */
const MOST_HEARD = 500;

const USUAL_PORT = 80;

type Answer = { readonly name: string; readonly type: string; readonly data?: unknown };

interface Heard {
  /** Instance by service. */
  readonly instances: Map<string, string>;
  readonly places: Map<string, { target: string; port: number }>;
  readonly addresses: Map<string, string>;
}

function keep<Value>(heard: Map<string, Value>, name: string, value: Value): void {
  if (heard.size < MOST_HEARD || heard.has(name)) heard.set(name, value);
}

function take({ instances, places, addresses }: Heard, services: readonly string[], answer: Answer): void {
  const { name, type, data } = answer;
  const key = name.toLowerCase();
  if (type === 'PTR' && typeof data === 'string') {
    const service = services.find((one) => key === `${one}.local`.toLowerCase());
    if (service) keep(instances, data, service);
  } else if (type === 'SRV' && typeof data === 'object' && data !== null) {
    const { target, port } = data as { target?: unknown; port?: unknown };
    if (typeof target === 'string' && typeof port === 'number') {
      keep(places, key, { target: target.toLowerCase(), port });
    }
  } else if (type === 'A' && typeof data === 'string') keep(addresses, key, data);
}

/** What is still to be asked: who is there, and of those that were heard where they are. */
function questionsOf({ instances, places, addresses }: Heard, services: readonly string[]) {
  const ask = (name: string, type: 'PTR' | 'SRV' | 'A') => ({ name, type });
  const unplaced = [...instances.keys()].filter((name) => !places.has(name.toLowerCase()));
  const targets = [...places.values()].map(({ target }) => target);
  return [
    ...services.map((service) => ask(`${service}.local`, 'PTR')),
    ...unplaced.map((name) => ask(name, 'SRV')),
    ...targets.filter((target) => !addresses.has(target)).map((target) => ask(target, 'A')),
  ];
}

/** Listens for devices that announce one of these services. Nothing is heard in a container without the host's network. */
export async function listen(
  services: readonly string[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<Announced[]> {
  if (services.length === 0) return [];
  const { default: multicastDns } = await import('multicast-dns');
  const socket = multicastDns();
  const heard: Heard = { instances: new Map(), places: new Map(), addresses: new Map() };
  try {
    socket.on('error', () => undefined);
    socket.on('response', ({ answers, additionals }: { answers: Answer[]; additionals: Answer[] }) => {
      for (const answer of [...answers, ...additionals]) take(heard, services, answer);
    });
    for (let round = 0; round < ROUNDS; round += 1) {
      socket.query(questionsOf(heard, services));
      await clock.sleep(ROUND_MS, signal);
    }
  } finally {
    socket.destroy();
  }
  return [...heard.instances].flatMap(([instance, service]) => {
    const place = heard.places.get(instance.toLowerCase());
    const ip = place && heard.addresses.get(place.target);
    if (!place || ip === undefined) return [];
    const address = place.port === USUAL_PORT ? ip : `${ip}:${place.port}`;
    return [{ service, name: instance.split('._')[0] ?? instance, address }];
  });
}
