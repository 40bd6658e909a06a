import type { Answer, HomeAssistantSocket } from './socket.ts';

/** What the ingress helper needs of the running Home Assistant. */
interface IngressHost {
  readonly url: string;
  readonly socket: HomeAssistantSocket;
}

/** The page of an app as a browser opens it: in the sidebar of Home Assistant, with its cookie. */
export class IngressPage {
  readonly #url: string;
  readonly #cookie: string;

  constructor(url: string, session: string) {
    this.#url = url;
    this.#cookie = `ingress_session=${session}`;
  }

  /** As Home Assistant's frontend opens it for somebody who may. */
  static async open(home: IngressHost, slug: string, socket = home.socket): Promise<IngressPage> {
    const info: Answer = await socket.call('supervisor/ingress/info', { slug });
    const { session }: Answer = await socket.call('supervisor/ingress/session', { slug });
    return new IngressPage(`${home.url}${info.ingress_url}`, session);
  }

  /** As anybody can open it who is signed in and knows the API, administrator or not. */
  static async slipIn(home: IngressHost, slug: string, socket: HomeAssistantSocket): Promise<IngressPage> {
    const ask = (endpoint: string, method: string) => socket.call('supervisor/api', { endpoint, method });
    const info: Answer = await ask(`/addons/${slug}/info`, 'get');
    const { session }: Answer = await ask('/ingress/session', 'post');
    return new IngressPage(`${home.url}${info.ingress_url}`, session);
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('cookie', this.#cookie);
    return fetch(`${this.#url}${path}`, { redirect: 'manual', ...init, headers });
  }
}
