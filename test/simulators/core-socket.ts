import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { temporaryFolder } from '../harness/temporary.ts';

/** In the place of Home Assistant Core: what the Supervisor hears and tells over Core's own socket, and nothing more. */
export class CoreSocket {
  readonly version = '2026.11.0';
  readonly configDir = temporaryFolder('core-socket');
  readonly socketPath = join(this.configDir, 'core.sock');
  /** `NOT_RUNNING`, `STARTING` … as Core calls it. */
  state = 'RUNNING';
  /** The integrations that it has. */
  integrations = ['sun', 'homestash'];
  /** What the Supervisor has pushed: `POST /path`. */
  readonly pushed: string[] = [];
  readonly #server = createServer((request, response) => {
    const { method = '', url = '' } = request;
    const answers: Readonly<Record<string, unknown>> = {
      '/api/core/state': { state: this.state },
      '/api/config/config_entries/flow_handlers': this.integrations,
    };
    request.resume();
    if (url.startsWith('/api/hassio_push/')) {
      this.pushed.push(`${method} ${url}`);
      response.end();
      return;
    }
    if (!(url in answers)) response.statusCode = 404;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answers[url] ?? {}));
  });

  async start(): Promise<void> {
    this.#server.listen(this.socketPath);
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  restart = async (): Promise<void> => undefined;
  replace = async (): Promise<void> => undefined;
}
