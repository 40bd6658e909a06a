import { deepStrictEqual } from 'node:assert';
import * as v from 'valibot';
import { providersIn } from '../../src/backups/targets/s3/providers.ts';
import * as contract from '../../src/contract/index.ts';
import { type CoreEvent, PATHS } from '../../src/contract/index.ts';
import { kindsIn } from '../../src/devices/kinds.ts';
import { systemClock } from '../../src/kernel/clock.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { createApp } from '../../src/kernel/http/app.ts';
import { EventStream } from '../../src/kernel/http/event-stream.ts';
import { loadFiles } from '../../src/kernel/http/files.ts';
import { jsonRoute, type Route, streamRoute } from '../../src/kernel/http/route.ts';
import { startServer } from '../../src/kernel/http/server.ts';
import { createLog } from '../../src/kernel/log.ts';
import { chooseLanguage } from '../../src/kernel/texts.ts';
import { builtWeb } from './built-web.ts';
import { SETTINGS_ANSWERS, SETTINGS_ROUTES } from './settings-core.ts';

type Schema = v.GenericSchema;

/** What a request brings to the one who answers it in a test. */
export interface Asked {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly language: contract.Language;
  readonly signal: AbortSignal;
}

type Answer = (asked: Asked) => unknown;

/** A request of the page that changed something, as it was understood. */
interface Deed {
  readonly call: string;
  readonly body: unknown;
}

const Params = v.record(v.string(), v.string());

/** What the API takes and gives, by method and path. */
const JSON_ROUTES: Readonly<Record<string, { readonly body?: Schema; readonly response?: Schema }>> = {
  [`GET ${PATHS.session}`]: { response: contract.Session },
  [`POST ${PATHS.session}`]: { body: contract.SignInRequest, response: contract.Session },
  [`POST ${PATHS.session_setup}`]: { body: contract.SetupRequest, response: contract.Session },
  [`DELETE ${PATHS.session}`]: {},
  [`GET ${PATHS.targets}`]: { response: contract.TargetList },
  [`GET ${PATHS.overview}`]: { response: contract.Overview },
  [`GET ${PATHS.all_backups}`]: { response: contract.AllBackups },
  [`POST ${PATHS.home_assistant_backups}`]: { body: contract.BackupNowRequest },
  [`PUT ${PATHS.home_assistant_automatic}`]: { body: contract.AutomaticRequest },
  [`POST ${PATHS.operation_cancel}`]: {},
  [`DELETE ${PATHS.target}`]: {},
  [`DELETE ${PATHS.backup}`]: {},
  [`GET ${PATHS.providers}`]: { response: contract.ProviderList },
  [`GET ${PATHS.operations}`]: { response: contract.OperationList },
  [`GET ${PATHS.home_assistant}`]: { response: contract.HomeAssistant },
  [`GET ${PATHS.journal}`]: { response: contract.JournalPage },
  [`GET ${PATHS.devices}`]: { response: contract.DeviceList },
  [`POST ${PATHS.devices}`]: { body: contract.DeviceInput, response: contract.Device },
  [`PATCH ${PATHS.device}`]: { body: contract.DevicePatch, response: contract.Device },
  [`DELETE ${PATHS.device}`]: {},
  [`GET ${PATHS.device_kinds}`]: { response: contract.DeviceKindList },
  [`POST ${PATHS.device_test}`]: { body: contract.DeviceTestRequest, response: contract.DeviceTest },
  [`POST ${PATHS.device_discover}`]: { body: contract.DiscoverRequest, response: contract.FoundDevices },
  [`POST ${PATHS.device_import}`]: { body: contract.DeviceImportRequest, response: contract.DeviceImport },
  [`GET ${PATHS.device_artefacts}`]: { response: contract.ArtefactList },
  [`PATCH ${PATHS.device_artefact}`]: { body: contract.ArtefactPatch, response: contract.Artefact },
  [`DELETE ${PATHS.device_artefact}`]: {},
  [`GET ${PATHS.device_difference}`]: { response: contract.Difference },
  [`GET ${PATHS.device_restore}`]: { response: contract.RestorePlan },
  [`POST ${PATHS.device_restore}`]: { response: contract.RestoreBegun },
  [`POST ${PATHS.command}`]: { body: v.record(v.string(), v.unknown()) },
  ...SETTINGS_ROUTES,
};

const SIGNED_IN: contract.Session = { state: 'signed_in', via: 'password', user: null, name: 'Homestash' };

const NOTHING_KNOWN: contract.Overview = {
  verdict: 'unknown',
  last_backup: null,
  next_backup: null,
  notices: [],
};

const HOME_OFF: contract.HomeAssistant = {
  state: 'off',
  via: null,
  url: null,
  since: '2026-03-01T08:00:00.000Z',
  problem: null,
  home: null,
  backups: null,
};

/**
 * Plays a core for the page, behind the core's own HTTP server: what is asked and what is answered is held against the
 * contract, files and policies are the true ones, and problems are worded as the core words them.
 */
export class FakeCore {
  /** What it answers; a test puts its own in place, also to throw a `Problem`. */
  readonly answers = new Map<string, Answer>([
    [`GET ${PATHS.session}`, () => SIGNED_IN],
    [`GET ${PATHS.overview}`, () => NOTHING_KNOWN],
    [`GET ${PATHS.all_backups}`, () => ({ backups: [], targets_unread: [] })],
    [`GET ${PATHS.targets}`, () => ({ targets: [] })],
    [`GET ${PATHS.operations}`, () => ({ operations: [] })],
    [`GET ${PATHS.journal}`, () => ({ entries: [], next: null })],
    [`GET ${PATHS.home_assistant}`, () => HOME_OFF],
    [`GET ${PATHS.providers}`, ({ language }) => ({ providers: providersIn(language) })],
    [`GET ${PATHS.devices}`, () => ({ devices: [] })],
    [`GET ${PATHS.device_kinds}`, ({ language }) => ({ kinds: kindsIn(language) })],
    ...SETTINGS_ANSWERS,
  ]);
  /** What it answers to a check of a target: events, and perhaps the moments between them. */
  check: (
    asked: contract.TargetCheckRequest,
    language: contract.Language,
  ) => AsyncIterable<contract.TargetCheckEvent> | Iterable<contract.TargetCheckEvent> = () => [];
  /** What an export holds. */
  exported = Buffer.alloc(0);
  /** All that was not only read, in its order. */
  readonly deeds: Deed[] = [];
  /** What must not happen: requests that the contract does not know, answers that it does not allow. */
  readonly offences: string[] = [];
  readonly #followers = new Set<EventStream<CoreEvent>>();
  #url = '';
  #stop: () => Promise<void> = async () => undefined;

  get url(): string {
    return this.#url;
  }

  /** Answers so from now on; without an answer to give, with none. */
  on(call: string, answer: Answer): void {
    this.answers.set(call, answer);
  }

  /** Lets every listener know. */
  tell(event: CoreEvent): void {
    v.parse(contract.CoreEvent, event);
    for (const follower of this.#followers) follower.send(event);
  }

  /** How many pages listen. */
  get listeners(): number {
    return this.#followers.size;
  }

  async start(port = 0): Promise<void> {
    const stopping = new AbortController();
    const log = createLog('warning', (line) => this.offences.push(line), Date.now);
    const app = createApp({
      routes: [...this.#routes(), this.#events(), this.#checks(), this.#archive(), this.#export()],
      identify: async () => ({ kind: 'session', id: 'person' }),
      log,
      stopping: stopping.signal,
      files: await loadFiles(builtWeb()),
    });
    const outer = app.fetch;
    app.fetch = async (request, ...rest) => {
      const response = await outer(request, ...rest);
      if (response.status === 404 && response.headers.get('content-type')?.includes('problem')) {
        const { code } = (await response.clone().json()) as { code: string };
        if (code === 'not_found') this.offences.push(`${request.method} ${request.url} is unknown`);
      }
      return response;
    };
    const server = await startServer({
      listeners: [{ app, host: '127.0.0.1', port }],
      clock: systemClock,
      log,
    });
    this.#url = `http://127.0.0.1:${server.ports[0]}`;
    this.#stop = async () => {
      stopping.abort(new Problem('shutting_down'));
      for (const follower of this.#followers) follower.end();
      await server.stop();
    };
  }

  /** Stops; a page sees the connection break. */
  stop(): Promise<void> {
    return this.#stop();
  }

  #routes(): Route[] {
    return Object.entries(JSON_ROUTES).map(([call, { body, response }]) => {
      const [method, path] = call.split(' ') as [Route['method'], string];
      return jsonRoute({
        method,
        path,
        summary: call,
        access: 'person',
        params: Params,
        query: Params,
        ...(body ? { body } : {}),
        ...(response ? { response } : {}),
        handle: async (asked) => {
          if (method !== 'GET') this.deeds.push({ call, body: asked.body });
          const answer = this.answers.get(call);
          if (!answer) this.offences.push(`${call} was not expected`);
          const given = await answer?.({
            ...asked,
            language: chooseLanguage(asked.header('accept-language')),
          });
          if (response) this.#check(call, response, given);
          return given as never;
        },
      });
    });
  }

  #check(call: string, schema: Schema, given: unknown): void {
    try {
      deepStrictEqual(v.parse(schema, given), given);
    } catch (error) {
      this.offences.push(`${call}: ${String(error)}`);
    }
  }

  #events(): Route {
    return streamRoute({
      method: 'GET',
      path: PATHS.events,
      summary: 'events',
      access: 'person',
      streams: 'out',
      contentType: 'text/event-stream',
      handle: ({ signal }, _request, response) =>
        new Promise((resolve) => {
          const follower = new EventStream<CoreEvent>(response);
          this.#followers.add(follower);
          follower.send({ event: 'hello', instance_id: 'fake', resumed: false });
          signal.addEventListener('abort', () => {
            this.#followers.delete(follower);
            follower.end();
            resolve();
          });
        }),
    });
  }

  #checks(): Route {
    return streamRoute({
      method: 'POST',
      path: PATHS.target_check,
      summary: 'check',
      access: 'person',
      body: contract.TargetCheckRequest,
      streams: 'out',
      contentType: 'text/event-stream',
      handle: async ({ body, header }, _request, response) => {
        this.deeds.push({ call: `POST ${PATHS.target_check}`, body });
        const stream = new EventStream<contract.TargetCheckEvent>(response);
        for await (const event of this.check(body, chooseLanguage(header('accept-language')))) {
          this.#check('check', contract.TargetCheckEvent, event);
          stream.send(event);
        }
        stream.end();
      },
    });
  }

  #archive(): Route {
    return streamRoute({
      method: 'GET',
      path: PATHS.archive,
      summary: 'archive',
      access: 'person',
      params: Params,
      streams: 'out',
      contentType: 'application/x-tar',
      handle: async ({ params }, _request, response) => {
        response.writeHead(200, {
          'content-type': 'application/x-tar',
          'content-disposition': `attachment; filename="${params.backup_id}.tar"`,
        });
        response.end(`the archive of ${params.backup_id} in ${params.target_id}`);
      },
    });
  }

  #export(): Route {
    return streamRoute({
      method: 'POST',
      path: PATHS.export,
      summary: 'export',
      access: 'person',
      body: contract.ExportRequest,
      streams: 'out',
      contentType: 'application/octet-stream',
      handle: async ({ body }, _request, response) => {
        this.deeds.push({ call: `POST ${PATHS.export}`, body });
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-disposition': 'attachment; filename="homestash-2026-03-01.age"',
        });
        response.end(this.exported);
      },
    });
  }
}
