import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the range out of which systems take ports by themselves: 32768 and up on Linux, 49152 and up elsewhere.
const [QUIET_FROM, QUIET_TO] = [20_000, 32_000];

/** A TCP port of 127.0.0.1 that nobody listens on at this moment. */
export function freePort(): Promise<number> {
  return listenOn(0);
}

/** The same for a program that takes seconds before it listens: nobody is given this port in the meantime. */
export async function quietPort(): Promise<number> {
  for (;;) {
    const port = await listenOn(randomInt(QUIET_FROM, QUIET_TO)).catch(() => undefined);
    if (port !== undefined) return port;
  }
}

function listenOn(wanted: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      if (address === null || typeof address === 'string') {
        reject(new Error('a listening TCP server has no port'));
        return;
      }
      server.close(() => resolve(address.port));
    });
  });
}
