import type { BackupNowRequest, HomeAssistant, HomeAssistantAccess, Language } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Clock, timestamp, within } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import type { Feature } from '../kernel/feature.ts';
import type { Log } from '../kernel/log.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { Settings } from '../kernel/settings.ts';
import { wordProblem } from '../kernel/texts.ts';
import { Access } from './access.ts';
import { Administrators } from './administrators.ts';
import { Announcer } from './announcer.ts';
import { Around, type AroundHome } from './around.ts';
import { Automatic } from './automatic.ts';
import { BackUp } from './back-up.ts';
import { Link } from './link.ts';
import { Reader } from './reader.ts';
import { homeAssistantRoutes } from './routes.ts';
import type { SupervisorAccess } from './supervisor.ts';
import { tryAccess } from './try.ts';

/** What others must hear of Home Assistant: that the document of it has changed, once a second at most. */
export interface HomeAssistantEvents {
  home_assistant_changed: Record<never, never>;
}

/** What shows in Home Assistant some seconds later: its integration follows it. */
export interface FollowedEvents {
  targets_changed: Record<never, never>;
  tokens_changed: Record<never, never>;
}

interface HomeAssistantOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly bus: Bus<HomeAssistantEvents & FollowedEvents>;
  readonly clock: Clock;
  readonly log: Log;
  /** Where we run as an app of Home Assistant. */
  readonly supervisor?: SupervisorAccess | undefined;
  /** From 0 to 1, so that many homes do not knock in step; tests bring their own. */
  readonly random?: () => number;
}

/** The way back into Home Assistant, with what the rest of the core wants of it. */
export interface HomeAssistantFeature extends Feature {
  /** What is known now; `home_assistant_changed` tells when it is something else. */
  document(language?: Language): HomeAssistant;
  /** Has Home Assistant make a backup. Returns when it has begun. @throws Problem why it has not */
  backUp(request: BackupNowRequest): Promise<void>;
  /** Devices in the network that it knows of. @throws Problem `home_assistant_away` … where it is not connected */
  around(signal: AbortSignal): Promise<readonly AroundHome[]>;
  /** Whether a user of Home Assistant is an administrator there. @throws Problem `home_assistant_away` when it cannot be asked. */
  isAdministrator(userId: string): Promise<boolean>;
}

/** What was just changed is read before it is answered, if that takes no longer (milliseconds). */
const SETTLE_MS = 5_000;

/** Home Assistant as we hear of it: connected at once where that can be, and without it nothing else waits. */
export function createHomeAssistant(options: HomeAssistantOptions): HomeAssistantFeature {
  const { bus, clock, supervisor } = options;
  const log = options.log.child('home-assistant');
  const access = new Access({ settings: options.settings, secrets: options.secrets, log, supervisor });
  let changed = Promise.withResolvers<void>();
  const onChange = () => {
    changed.resolve();
    changed = Promise.withResolvers();
    announcer.touch();
  };
  const reader = new Reader({ clock, log, onChange });
  const link = new Link({
    clock,
    log,
    random: options.random ?? Math.random,
    attend: (session, signal) => reader.attend(session, signal),
    onChange,
  });
  let heard: (() => void)[] = [];
  const session = () => link.session();
  const supervised = () => reader.supervised;
  const administrators = new Administrators({ clock, session });
  const around = new Around({ clock, session, log });
  const automatic = new Automatic({ clock, session, supervised, log });
  const backUp = new BackUp({ session, supervised, log, state: () => reader.backups?.state });

  const document = (language?: Language): HomeAssistant => {
    const problem = link.problem ?? (link.state === 'connected' ? reader.problem : undefined);
    return {
      state: link.state,
      via: link.way?.via ?? null,
      url: link.way?.url ?? null,
      since: timestamp(link.since),
      problem: problem ? wordProblem(problem, language) : null,
      home: reader.home,
      backups: reader.backups,
    };
  };
  const announcer = new Announcer({
    clock,
    fingerprint: () => JSON.stringify(document()),
    announce: () => bus.emit('home_assistant_changed', {}),
  });

  /** Waits until something is known, good or bad. */
  const settled = async (done: () => boolean) => {
    const until = clock.monotonic() + SETTLE_MS;
    while (!done() && clock.monotonic() < until) {
      await within(clock, until - clock.monotonic(), changed.promise);
    }
  };
  const takeWay = async () => {
    reader.forget();
    administrators.forget();
    link.use(await access.read());
  };
  const refuseManaged = () => {
    if (access.managed) throw new Problem('home_assistant_managed');
  };
  const connect = async ({ url, token }: HomeAssistantAccess, signal: AbortSignal) => {
    refuseManaged();
    log.redact(token);
    await access.keep(await tryAccess(url, token, { clock, signal }), token);
    await takeWay();
    await settled(() => link.state !== 'connecting' && (link.state !== 'connected' || reader.read));
  };

  return {
    name: 'home-assistant',
    document,
    backUp: (request) => backUp.now(request),
    around: (signal) => around.devices(signal),
    isAdministrator: (userId) => administrators.includes(userId),
    routes: homeAssistantRoutes({
      document,
      look: () => reader.refresh(),
      connect,
      disconnect: async () => {
        refuseManaged();
        await access.forget();
        await takeWay();
      },
      backUp: (request) => backUp.now(request),
      automatic: async (request) => {
        await automatic.set(request);
        // what was changed stands in the answer; should that fail, it is read with the next look
        await session().then(
          (open) => reader.readBackups(open),
          () => undefined,
        );
      },
    }),
    start: () => {
      heard = [
        bus.on('targets_changed', () => reader.expect()),
        bus.on('tokens_changed', () => reader.expect()),
      ];
      return takeWay();
    },
    stop: async () => {
      for (const end of heard.splice(0)) end();
      await link.stop();
      announcer.stop();
    },
  };
}
