/** The program that `http-proxy.ts` starts: an HTTP proxy that prints what it is asked for. */
import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createProxy } from 'proxy';

const { PORT, CREDENTIALS = '', NAME = '', CERT, KEY } = process.env;

// A name that this process resolves and no other.
const lookup = dns.lookup as (...args: unknown[]) => void;
Object.assign(dns, {
  lookup: (name: string, ...more: unknown[]) => lookup(name === NAME ? '127.0.0.1' : name, ...more),
});

const server = createProxy(
  CERT && KEY ? createServer({ cert: readFileSync(CERT), key: readFileSync(KEY) }) : undefined,
);
if (CREDENTIALS !== '') {
  const expected = `Basic ${Buffer.from(CREDENTIALS).toString('base64')}`;
  server.authenticate = (request) => request.headers['proxy-authorization'] === expected;
}
for (const event of ['request', 'connect']) {
  server.prependListener(event, ({ method, url }: { method?: string; url?: string }) =>
    process.stdout.write(`${method} ${url}\n`),
  );
}
server.listen(Number(PORT), '127.0.0.1');
