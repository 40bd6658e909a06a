import { once } from 'node:events';
import { createServer, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const PREFIX = '/api/hassio_ingress/token';

/** Home Assistant's page, as far as a page in its panel sees of it: variables, language, and what it tells by `postMessage`. */
const page = ({ style, language, route }: OuterPageOptions): string => `<!doctype html>
<html lang="${language}" style="${style}">
  <head><meta charset="utf-8"><title>Home Assistant</title></head>
  <body style="margin: 0">
    <iframe title="Homestash" src="${PREFIX}/" style="border: 0; width: 100vw; height: 100vh"></iframe>
    <script>
      addEventListener('message', ({ source, data }) => {
        const frame = document.querySelector('iframe').contentWindow;
        if (source !== frame || data.type !== 'home-assistant/subscribe-properties') return;
        frame.postMessage(
          {
            type: 'home-assistant/properties',
            narrow: true,
            route: { prefix: '/app/homestash', path: '${route}' },
            safeAreaInsets: { top: '0px', right: '0px', bottom: '34px', left: '0px' },
          },
          '*',
        );
      });
    </script>
  </body>
</html>`;

interface OuterPageOptions {
  /** The variables of a theme. */
  readonly style: string;
  readonly language: string;
  /** The rest of the link that was opened. */
  readonly route: string;
  /** Where the core serves ingress. */
  readonly core: string;
  /** Who is signed in to Home Assistant. */
  readonly user: string;
}

/** Ingress as a browser sees it: a frame of the same origin, below a path that only Home Assistant knows. */
export class OuterPage {
  readonly #options: OuterPageOptions;
  readonly #server = createServer((request, response) => this.#serve(request, response));

  constructor(options: OuterPageOptions) {
    this.#options = options;
  }

  async start(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', method, headers } = request;
    if (!url.startsWith(`${PREFIX}/`)) {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(page(this.#options));
      return;
    }
    const { 'accept-encoding': _removed, ...passed } = headers;
    const inner = httpRequest(new URL(url.slice(PREFIX.length), this.#options.core), {
      method,
      headers: { ...passed, 'x-ingress-path': PREFIX, 'x-remote-user-id': this.#options.user },
    });
    inner.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
      answer.on('error', () => response.destroy());
    });
    inner.on('error', () => response.destroy());
    response.on('close', () => inner.destroy());
    request.pipe(inner);
  }
}
