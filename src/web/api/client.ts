import { language } from '../words/index.ts';
import { eventsIn } from './events.ts';
import { ApiProblem, noConnection, notUnderstood } from './problem.ts';

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

type PathParams = Readonly<Record<string, string>>;

interface Ask {
  readonly params?: PathParams;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** Sent besides what every request has. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** What only reads is answered from what the core knows (milliseconds). */
const READ_TIMEOUT_MS = 30_000;

/** What changes something may wait for a storage that is slow to refuse (milliseconds). */
const CHANGE_TIMEOUT_MS = 180_000;

/**
 * The address of a path of the contract, relative to the page: behind ingress everything lies below a path that only
 * Home Assistant knows.
 */
export function address(
  path: string,
  params: PathParams = {},
  query: Readonly<Record<string, string>> = {},
): string {
  const filled = path.replace(/\{(\w+)\}/g, (_match, name: string) => encodeURIComponent(params[name] ?? ''));
  const search = new URLSearchParams(query).toString();
  return filled.slice(1) + (search && `?${search}`);
}

/** Speaks with the core: what it answers, or an `ApiProblem` that says why not. */
export class Api {
  readonly #onSignedOut: () => void;

  constructor(onSignedOut: () => void) {
    this.#onSignedOut = onSignedOut;
  }

  get<Answer>(path: string, ask?: Ask): Promise<Answer> {
    return this.#ask('GET', path, ask);
  }

  post<Answer = void>(path: string, ask?: Ask): Promise<Answer> {
    return this.#ask('POST', path, ask);
  }

  put<Answer = void>(path: string, ask?: Ask): Promise<Answer> {
    return this.#ask('PUT', path, ask);
  }

  patch<Answer = void>(path: string, ask?: Ask): Promise<Answer> {
    return this.#ask('PATCH', path, ask);
  }

  delete<Answer = void>(path: string, ask?: Ask): Promise<Answer> {
    return this.#ask('DELETE', path, ask);
  }

  /** An answer that is no JSON: a file that is made for who asks. */
  file(method: Method, path: string, ask?: Ask): Promise<Response> {
    return this.#send(method, path, ask);
  }

  /** Follows the events that a path answers with; `heard` is told of every sign of life. */
  async *stream<Event>(
    method: Method,
    path: string,
    ask: Ask & { heard?: () => void } = {},
  ): AsyncGenerator<Event> {
    const { body } = await this.#send(method, path, ask);
    if (!body) throw notUnderstood(200);
    try {
      yield* eventsIn(body, ask.heard) as AsyncGenerator<Event>;
    } catch (error) {
      throw ask.signal?.aborted ? error : noConnection(error);
    }
  }

  async #ask<Answer>(method: Method, path: string, ask: Ask = {}): Promise<Answer> {
    const timeout = AbortSignal.timeout(method === 'GET' ? READ_TIMEOUT_MS : CHANGE_TIMEOUT_MS);
    const signal = ask.signal ? AbortSignal.any([ask.signal, timeout]) : timeout;
    const response = await this.#send(method, path, { ...ask, signal });
    if (response.status === 204) return undefined as Answer;
    try {
      return (await response.json()) as Answer;
    } catch (error) {
      throw error instanceof SyntaxError ? notUnderstood(response.status) : noConnection(error);
    }
  }

  async #send(
    method: Method,
    path: string,
    { params, query, body, signal, ...more }: Ask = {},
  ): Promise<Response> {
    const headers: Record<string, string> = { 'accept-language': language(), ...more.headers };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const request: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store' };
    if (body !== undefined) request.body = JSON.stringify(body);
    if (signal) request.signal = signal;
    let response: Response;
    try {
      response = await fetch(new URL(address(path, params, query), document.baseURI), request);
    } catch (error) {
      throw noConnection(error);
    }
    if (response.ok) return response;
    const problem = await readProblem(response);
    // another tab has signed out, or the session has ended: the page shows the way back in
    if (problem.code === 'session_ended' || problem.code === 'unauthorized') this.#onSignedOut();
    throw problem;
  }
}

async function readProblem(response: Response): Promise<ApiProblem> {
  if (!response.headers.get('content-type')?.startsWith('application/problem+json')) {
    return notUnderstood(response.status);
  }
  try {
    return new ApiProblem(await response.json());
  } catch {
    return notUnderstood(response.status);
  }
}
