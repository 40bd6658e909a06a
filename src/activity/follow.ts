import type { CoreEvent, Language } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Principal, samePrincipal } from '../kernel/http/principal.ts';
import type { State } from '../kernel/state.ts';
import type { Feed, Told } from './feed.ts';
import { stateEvent } from './tell.ts';

/** An event as it goes out, with its place in the order of all events. */
export type SentEvent = CoreEvent & { readonly id: number };

interface FollowOptions {
  readonly feed: Feed;
  readonly state: State;
  readonly bus: Bus<{ access_ended: Pick<Principal, 'kind' | 'id'> }>;
  readonly instanceId: string;
}

/** One who follows, and how. */
interface Follower {
  readonly principal: Principal | undefined;
  readonly language: Language;
  /** Wants the documents of the state, too. */
  readonly documents: boolean;
  /** The newest event that was heard before, by its id. */
  readonly lastHeard: number | undefined;
  /** Ends when the follower goes away or the core stops. */
  readonly signal: AbortSignal;
  readonly send: (event: SentEvent) => void;
}

const isDocument = ({ key }: Told): boolean => key.startsWith('state ');

/** Tells one follower what was missed and then what happens, until that is over. */
export function followAll(
  { feed, state, bus, instanceId }: FollowOptions,
  follower: Follower,
): Promise<void> {
  const { principal, language, documents, lastHeard, signal, send } = follower;
  return new Promise((resolve) => {
    let id = lastHeard ?? 0;
    const tell = (told: Told) => {
      if (isDocument(told) && !documents) return;
      id = told.id;
      send({ ...told.word(language), id });
    };
    const missed = lastHeard === undefined ? undefined : feed.since(lastHeard);
    const now = missed === undefined ? feed.last : id;
    send({ event: 'hello', instance_id: instanceId, resumed: missed !== undefined, id: now });
    if (missed) for (const told of missed) tell(told);
    else if (documents) {
      for (const { name } of state.all()) send({ ...stateEvent(state, name), id: now });
    }
    const end = () => {
      unfollow();
      unrevoke();
      signal.removeEventListener('abort', end);
      send({ event: 'goodbye', id: Math.max(id, now) });
      resolve();
    };
    const unfollow = feed.follow(tell);
    const unrevoke = bus.on('access_ended', (ended) => {
      if (samePrincipal(ended, principal)) end();
    });
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
