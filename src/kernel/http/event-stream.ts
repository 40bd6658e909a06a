import type { ServerResponse } from 'node:http';
import { EVENTS_HEARTBEAT_SECONDS } from '../../contract/index.ts';

/** Silence would look like a dead connection to proxies, phones and the shim (milliseconds). */
const HEARTBEAT_MS = EVENTS_HEARTBEAT_SECONDS * 1000;

/** A client that lets this much pile up does not read; it comes back and fetches anew. */
const MAX_PENDING_BYTES = 1024 * 1024;

/** One client's stream of server-sent events (WHATWG HTML, "Server-sent events"). */
export class EventStream<Event extends { readonly event: string }> {
  readonly #response: ServerResponse;
  readonly #heartbeat: NodeJS.Timeout;

  constructor(response: ServerResponse) {
    this.#response = response;
    response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-store',
      // some proxies buffer streams unless they are told not to
      'x-accel-buffering': 'no',
    });
    this.#heartbeat = setInterval(() => this.#write(': still here\n\n'), HEARTBEAT_MS);
  }

  /** With an id, by which a client that comes back says what it has heard. */
  send(event: Event, id?: number): void {
    const line = id === undefined ? '' : `id: ${id}\n`;
    this.#write(`${line}event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`);
  }

  end(): void {
    clearInterval(this.#heartbeat);
    this.#response.end();
  }

  #write(text: string): void {
    if (this.#response.destroyed) return;
    if (this.#response.writableLength > MAX_PENDING_BYTES) this.#response.destroy();
    else this.#response.write(text);
  }
}
