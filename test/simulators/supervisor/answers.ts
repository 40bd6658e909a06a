import { type ServerResponse, STATUS_CODES } from 'node:http';

/** An answer of the API that says no: JSON with a message. */
export class ApiFault extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** An answer of the web server that says no: its status in plain text, as aiohttp writes it. */
export class PlainFault extends Error {
  readonly status: number;

  constructor(status: number, text?: string) {
    super(text ?? `${status}: ${STATUS_CODES[status]}`);
    this.status = status;
  }
}

/** A handler has answered by itself. */
export const ANSWERED = Symbol('answered');

function send(response: ServerResponse, status: number, type: string, body: string): void {
  if (response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const sendJson = (response: ServerResponse, status: number, document: object) =>
  send(response, status, 'application/json; charset=utf-8', JSON.stringify(document));

/** Nothing is an empty object here. */
export function answer(response: ServerResponse, data: unknown): void {
  if (data === ANSWERED) return;
  sendJson(response, 200, { result: 'ok', data: data ?? {} });
}

/** Answers with a fault; anything else that was thrown is a mistake of the simulator. */
export function refuse(response: ServerResponse, error: unknown): void {
  if (error instanceof ApiFault) {
    sendJson(response, error.status, { result: 'error', message: error.message });
  } else if (error instanceof PlainFault) {
    send(response, error.status, 'text/plain; charset=utf-8', error.message);
  } else {
    send(response, 500, 'text/plain; charset=utf-8', '500: Internal Server Error');
  }
}
