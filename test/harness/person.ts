import { type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { SESSION_COOKIE, type Session } from '../../src/contract/index.ts';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface PersonOptions {
  /** Where the person comes from: any address of 127.0.0.0/8. */
  readonly from?: string;
  /** What a proxy in front adds, or another browser sends. */
  readonly headers?: Readonly<Record<string, string>>;
}

const ANSWER_TIMEOUT_MS = 20_000;

/** A person with a browser: it keeps the cookie of the session and says which page it is on. */
export class Person {
  readonly url: string;
  /** `homestash_session=…` as the browser sends it. */
  cookie: string | undefined;
  readonly #options: PersonOptions;

  constructor(url: string, options: PersonOptions = {}) {
    this.url = url;
    this.#options = options;
  }

  /** One request, answered to its end. */
  async ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string | undefined>> = {},
  ): Promise<Answer> {
    const response = await this.#send(method, path, body, headers);
    return { status: response.statusCode ?? 0, headers: response.headers, text: await textOf(response) };
  }

  /** What a JSON call answers, whatever its status. */
  async call<Result = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Result & { readonly code?: string }> {
    const { text } = await this.ask(method, path, body);
    return (text === '' ? {} : JSON.parse(text)) as Result & { code?: string };
  }

  session(): Promise<Session & { code?: string }> {
    return this.call('GET', '/api/v1/session');
  }

  setUp(code: string, password: string): Promise<Session & { code?: string }> {
    return this.call('POST', '/api/v1/session/setup', { code, password });
  }

  signIn(password: string): Promise<Session & { code?: string }> {
    return this.call('POST', '/api/v1/session', { password });
  }

  signOut(): Promise<unknown> {
    return this.call('DELETE', '/api/v1/session');
  }

  /** Follows the events; `heard` is all of it, once the core ends the stream. */
  async follow(): Promise<{ readonly heard: Promise<string> }> {
    const response = await this.#send('GET', '/api/v1/events');
    // it may be silent for as long as nothing happens
    response.socket.setTimeout(0);
    const heard = textOf(response);
    heard.catch(() => undefined);
    return { heard };
  }

  /** The same person on another machine, who took the cookie along. */
  copy(options: PersonOptions = this.#options): Person {
    const other = new Person(this.url, options);
    other.cookie = this.cookie;
    return other;
  }

  async #send(
    method: string,
    path: string,
    body?: unknown,
    more: Readonly<Record<string, string | undefined>> = {},
  ): Promise<IncomingMessage> {
    const { hostname, port, origin } = new URL(this.url);
    const { from, headers: own } = this.#options;
    const all = Object.entries({ origin, cookie: this.cookie, ...own, ...more });
    const headers = Object.fromEntries(all.filter(([, value]) => value !== undefined)) as OutgoingHttpHeaders;
    const source = from === undefined ? {} : { localAddress: from };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const outgoing = request(
        { hostname, port, method, path, agent: false, timeout: ANSWER_TIMEOUT_MS, headers, ...source },
        resolve,
      );
      outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer to ${method} ${path}`)));
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
    for (const line of response.headers['set-cookie'] ?? []) this.#keepCookie(line);
    return response;
  }

  #keepCookie(line: string): void {
    const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
    if (!pair.startsWith(`${SESSION_COOKIE}=`)) return;
    this.cookie = attributes.includes('Max-Age=0') ? undefined : pair;
  }
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
