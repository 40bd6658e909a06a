import * as v from 'valibot';
import { About, Info, LogLevelRequest, LogPage, type Overview, PATHS } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import { command } from '../kernel/commands.ts';
import type { DatabaseCopies } from '../kernel/database-copies.ts';
import type { Problem } from '../kernel/errors.ts';
import type { Feature } from '../kernel/feature.ts';
import { openApi } from '../kernel/http/openapi.ts';
import { jsonRoute, type Route, streamRoute } from '../kernel/http/route.ts';
import type { Jobs } from '../kernel/jobs.ts';
import type { Log } from '../kernel/log.ts';
import type { LogRing } from '../kernel/log-ring.ts';
import type { State } from '../kernel/state.ts';
import { chooseLanguage } from '../kernel/texts.ts';
import { createAbout } from './about.ts';
import { type BoxEvents, keepBox } from './box.ts';
import { type Sections, writeDiagnostics } from './diagnostics.ts';
import { coreDevice } from './entities.ts';
import { LogQuery, readLog } from './log-page.ts';
import { createStatus, SystemStatus } from './status.ts';

interface SystemOptions {
  readonly info: Info;
  readonly mode: About['mode'];
  readonly dataDir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly ring: LogRing;
  readonly copies: DatabaseCopies;
  readonly jobs: Jobs;
  /** Which settings a file or the environment provides with each start, and why they do not. */
  readonly provided: { readonly parts: readonly string[]; readonly problem: Problem | undefined };
  /** What the other features say of themselves to who helps. */
  readonly sections: Sections;
  readonly state: State;
  readonly bus: Bus<BoxEvents>;
  /** Whether all is well, in the language of the home. */
  readonly overview: () => Promise<Overview>;
  /** Starts the core anew. */
  readonly restart: () => void;
  /** How many operations run. */
  readonly running: () => number;
  /** How often the box is measured (milliseconds). */
  readonly measureEveryMs: number;
  /** All routes that are served, for the OpenAPI document. */
  readonly routes: () => readonly Route[];
}

/** Each night, at an hour at which few do anything and Home Assistant has not begun yet. */
const COPY_JOB = { name: 'database_copy', pattern: '30 3 * * *', jitterMs: 30 * 60_000 };

/** Why the last copy of the database failed; undefined where it did not. */
export function copyProblem(jobs: Jobs): Problem | undefined {
  return jobs.states().find(({ name }) => name === COPY_JOB.name)?.problem;
}

/** The shape that clients of BaluPi know. */
const Health = v.object({
  status: v.literal('ok'),
  version: v.string(),
  service: v.literal('homestash'),
  cache_enabled: v.boolean(),
  energy_enabled: v.boolean(),
});

/** Alive, which version, which API: for programs. */
function statusRoutes(info: Info, document: () => Record<string, unknown>): Route[] {
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.ping,
      summary: 'Answer',
      access: 'open',
      response: v.object({ status: v.literal('ok') }),
      handle: async () => ({ status: 'ok' as const }),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.health,
      summary: 'Say whether the core is well',
      access: 'open',
      response: Health,
      handle: async () => ({
        ...{ status: 'ok' as const, version: info.version, service: 'homestash' as const },
        // neither is there yet, and clients of BaluPi ask for both
        ...{ cache_enabled: false, energy_enabled: false },
      }),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.info,
      summary: 'Say who the core is and which contracts it serves',
      response: Info,
      handle: async () => info,
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.openapi,
      summary: 'Describe the whole API (OpenAPI 3.1)',
      response: v.record(v.string(), v.unknown()),
      handle: async () => document(),
    }),
  ];
}

/** The box and its log: for people, and for who helps them. */
function insightRoutes(options: SystemOptions): Route[] {
  const { log, ring, copies, jobs, clock, sections } = options;
  const readStatus = createStatus(options);
  const about = createAbout({
    ...options,
    copy: () => ({
      madeAt: copies.newestAt(),
      problem: copyProblem(jobs),
    }),
  });
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.about,
      summary: 'Say what runs here and how much room there is',
      response: About,
      handle: ({ header }) => about(chooseLanguage(header('accept-language'))),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.system_status,
      summary: 'Say how busy, warm and full the box is, in the shape that clients of BaluPi know',
      response: SystemStatus,
      handle: () => readStatus(),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.log,
      summary: 'Read the newest lines of the log, newest first',
      access: 'person',
      query: LogQuery,
      response: LogPage,
      handle: ({ query }) => readLog(ring, log, query),
    }),
    streamRoute({
      method: 'GET',
      path: PATHS.diagnostics,
      summary: 'Take along what helps who helps: all that is known of the box, without secrets',
      access: 'person',
      streams: 'out',
      contentType: 'application/json',
      handle: async (_call, _request, response) => {
        const all = { about: () => about('en'), ...sections };
        const text = await writeDiagnostics(all, { jobs: jobs.states(), ring, log });
        const day = timestamp(clock.now()).slice(0, 10);
        response.writeHead(200, {
          'content-type': 'application/json',
          'content-disposition': `attachment; filename="homestash-diagnostics-${day}.json"`,
          'cache-control': 'no-store',
        });
        response.end(text);
      },
    }),
    jsonRoute({
      method: 'PUT',
      path: PATHS.log_level,
      summary: 'Change how loud the log is, until the next start',
      access: 'person',
      body: LogLevelRequest,
      handle: async ({ body: { level } }) => {
        log.level = level;
      },
    }),
  ];
}

/** What the core says of itself: alive, which version, which API; the box it runs on, its log, and copies of its database. */
export function createSystem(options: SystemOptions): Feature {
  const { info, routes, copies } = options;
  const own: Route[] = [...statusRoutes(info, () => document()), ...insightRoutes(options)];
  const document = () => openApi(routes(), info.version);
  let end: (() => void) | undefined;
  return {
    name: 'system',
    devices: [coreDevice],
    commands: [command({ name: 'restart', input: v.object({}), run: async () => options.restart() })],
    routes: own,
    jobs: [{ ...COPY_JOB, run: (signal) => copies.make(signal) }],
    start: async () => {
      end ??= keepBox(options);
    },
    stop: async () => {
      end?.();
      end = undefined;
    },
  };
}
