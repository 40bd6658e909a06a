import { type Language, Overview, PATHS } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import type { Feature } from '../kernel/feature.ts';
import { jsonRoute } from '../kernel/http/route.ts';
import type { Journal } from '../kernel/journal.ts';
import type { Log } from '../kernel/log.ts';
import { chooseLanguage } from '../kernel/texts.ts';
import { Observer, type Sources } from './facts.ts';
import { Matters } from './matters.ts';
import { type Judgement, judge } from './verdict.ts';
import { Watch } from './watch.ts';
import { wordFinding } from './words.ts';

/** What others must hear of the overview. */
export interface OverviewEvents {
  overview_changed: Record<never, never>;
}

/** What it listens to: any of these may make it another. */
interface HeardEvents extends OverviewEvents {
  targets_changed: Record<never, never>;
  backups_changed: object;
  operation: { readonly state: string };
  tokens_changed: Record<never, never>;
  settings_changed: Record<never, never>;
  home_assistant_changed: Record<never, never>;
  recovery_key_changed: Record<never, never>;
  state_files_changed: Record<never, never>;
  webhooks_changed: Record<never, never>;
  devices_changed: Record<never, never>;
}

interface OverviewOptions {
  readonly sources: Sources;
  readonly bus: Bus<HeardEvents>;
  readonly clock: Clock;
  readonly log: Log;
  readonly journal: Journal;
}

/** The overview, with what the rest of the core wants of it. */
interface OverviewFeature extends Feature {
  /** As it is now. */
  read(language: Language): Promise<Overview>;
}

function word({ verdict, last_backup, next_backup, findings }: Judgement, language: Language): Overview {
  const notices = findings.map((finding) => wordFinding(finding, language));
  return { verdict, last_backup, next_backup, notices };
}

/** Is everything safe, and what needs a person? */
export function createOverview({ sources, bus, clock, log, journal }: OverviewOptions): OverviewFeature {
  const matters = new Matters(journal);
  const observer = new Observer(sources, clock);
  const watch = new Watch({
    clock,
    log: log.child('overview'),
    look: async () => {
      const facts = await observer.observe();
      const judgement = judge(facts);
      // what was not looked at yet is neither begun nor over
      if (!facts.finding) await matters.take(judgement.findings);
      return { seen: JSON.stringify(word(judgement, 'en')), moments: judgement.moments };
    },
    onChange: () => bus.emit('overview_changed', {}),
  });
  const read = async (language: Language) => word(judge(await observer.observe()), language);
  let unlisten: (() => void)[] = [];
  return {
    name: 'overview',
    read,
    routes: [
      jsonRoute({
        method: 'GET',
        path: PATHS.overview,
        summary: 'Say whether everything is safe, and what needs a person',
        response: Overview,
        handle: ({ header }) => read(chooseLanguage(header('accept-language'))),
      }),
    ],
    start: async () => {
      if (unlisten.length > 0) return;
      const touch = () => watch.touch();
      unlisten = [
        bus.on('targets_changed', touch),
        bus.on('backups_changed', touch),
        // its progress changes nothing
        bus.on('operation', ({ state }) => {
          if (state !== 'running') touch();
        }),
        bus.on('tokens_changed', touch),
        bus.on('settings_changed', touch),
        bus.on('home_assistant_changed', touch),
        bus.on('recovery_key_changed', touch),
        bus.on('state_files_changed', touch),
        bus.on('webhooks_changed', touch),
        bus.on('devices_changed', touch),
      ];
      watch.start();
    },
    stop: async () => {
      for (const end of unlisten.splice(0)) end();
      await watch.stop();
    },
  };
}
