import { type CoreEvent, PATHS, type Session } from '../../contract/index.ts';
import { Api } from '../api/client.ts';
import { createData, type Data } from '../api/data.ts';
import { Follow } from '../api/follow.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { Toasts } from '../kit/toasts.ts';
import { Router } from './router.ts';

/** Before the core is asked again who we are, when it could not be reached (milliseconds). */
const RETRY_MS = 3_000;

/** What every page has at hand. It tells its watchers when the session or the connection changed. */
export class App {
  readonly api: Api;
  readonly data: Data;
  readonly router = new Router();
  readonly toasts = new Toasts();
  /** Undefined until the core has said who we are. */
  session: Session | undefined;
  /** Why the core could not say who we are. */
  trouble: Trouble | undefined;
  /** Whether the core is heard; true until the first attempt failed. */
  connected = true;
  readonly #follow: Follow;
  readonly #watchers = new Set<() => void>();
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.api = new Api(() => {
      // who is asked for a password has no session that could end
      if (this.session?.state === 'signed_in') void this.start();
    });
    this.data = createData(this.api);
    this.#follow = new Follow({
      api: this.api,
      heard: (event) => this.#heard(event),
      connected: (connected) => this.#change({ connected }),
    });
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** Asks who we are. */
  async start(): Promise<void> {
    clearTimeout(this.#retry);
    try {
      this.enter(await this.api.get<Session>(PATHS.session));
    } catch (error) {
      this.#change({ trouble: toTrouble(error) });
      this.#retry = setTimeout(() => void this.start(), RETRY_MS);
    }
  }

  /** The core has said who we are. */
  enter(session: Session): void {
    if (session.state === 'signed_in') {
      this.#follow.start();
    } else {
      this.#follow.stop();
      for (const live of Object.values(this.data)) live.forget();
    }
    this.#change({ session, trouble: undefined, connected: true });
  }

  /** Tries to reach the core at once. */
  reconnect(): void {
    this.#follow.retry();
  }

  #heard(event: CoreEvent): void {
    for (const live of Object.values(this.data)) live.heard(event);
  }

  #change(change: Partial<Pick<App, 'session' | 'trouble' | 'connected'>>): void {
    Object.assign(this, change);
    for (const changed of this.#watchers) changed();
  }
}
