import type { Server } from 'node:http';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/** Whoever knocks all the time must not fill the log: one line in this time says how many were refused (milliseconds). */
const REFUSALS_LINE_MS = 60_000;

/** A home has a whole /64 of IPv6, any address of which it may use: the first four groups of eight. */
const IPV6_HOME_GROUPS = 4;
const IPV6_GROUPS = 8;

/** An address as it is usually written: a socket that listens to both kinds calls IPv4 `::ffff:192.0.2.1`. */
export function plainAddress(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

/** Whom an address belongs to, for limits: an IPv4 address, or the /64 of an IPv6 address. */
export function homeOf(address: string): string {
  const plain = plainAddress(address);
  if (!plain.includes(':')) return plain;
  const [head = '', tail = ''] = (plain.split('%')[0] as string).toLowerCase().split('::');
  const [left, right] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(Math.max(0, IPV6_GROUPS - (left?.length ?? 0) - (right?.length ?? 0))).fill(
    '0',
  );
  return [...(left ?? []), ...zeros, ...(right ?? [])].slice(0, IPV6_HOME_GROUPS).join(':');
}

/**
 * Lets only these peers connect: everybody else is cut off before a byte is read, whatever its headers would say.
 * What counts is the address of the connection itself, which nobody can make up and still get an answer.
 */
export function acceptOnly(server: Server, peer: string, log: Log, clock: Clock): void {
  let quietUntil = Number.NEGATIVE_INFINITY;
  let refused = 0;
  server.prependListener('connection', (socket) => {
    const address = plainAddress(socket.remoteAddress);
    if (address === peer) return;
    socket.destroy();
    refused += 1;
    if (clock.monotonic() < quietUntil) return;
    quietUntil = clock.monotonic() + REFUSALS_LINE_MS;
    log.warning('refused who is not the gateway of Home Assistant', { address, refused });
    refused = 0;
  });
}
