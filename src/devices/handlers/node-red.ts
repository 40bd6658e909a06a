import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type Identity, type SavedFiles } from '../handler.ts';
import { portUnlessSaid } from '../http/address.ts';
import type { DeviceHttp, HttpAnswer, HttpRequest } from '../http/client.ts';
import { comparableFlows, comparableModules } from './node-red-flows.ts';

const fields = {
  address: address(),
  user: text(),
  password: secret(),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** Where its editor listens unless settings.js says otherwise. */
const PORT = 1880;

const FLOWS = 'flows.json';
const MODULES = 'nodes.json';

/** Flows of a large home have a few megabytes; Node-RED itself takes no more than 5 MB in one deploy (bytes). */
const FLOWS_LIMIT = 32 * 1024 * 1024;

/** Flows with their revision (Admin API, version 2). */
const V2 = { 'node-red-api-version': 'v2', accept: 'application/json' };

/** `GET /settings`; only what is used here. */
const Settings = v.object({ version: v.string(), httpNodeRoot: v.optional(v.unknown()) });

/** `GET /auth/login`: how people sign in; empty where nobody has to. */
const Login = v.object({ type: v.optional(v.string()) });

const Flow = v.looseObject({ id: v.string(), type: v.string() });
const Flows = v.object({ flows: v.array(Flow) });
const Modules = v.array(v.looseObject({ id: v.string() }));

type Ask = (request: HttpRequest) => Promise<HttpAnswer>;

const otherKind = (http: DeviceHttp): Problem =>
  new Problem('device_other_kind', { params: { host: http.host, kind: 'Node-RED' } });

const wrongPassword = (http: DeviceHttp): Problem =>
  new Problem('device_password', { params: { host: http.host } });

/** The document in an answer. @throws Problem `device_other_kind` where something else is in it */
async function read<Schema extends v.GenericSchema>(
  http: DeviceHttp,
  answer: HttpAnswer,
  schema: Schema,
): Promise<v.InferOutput<Schema>> {
  const content = await answer.text(FLOWS_LIMIT);
  try {
    const parsed = v.safeParse(schema, JSON.parse(content));
    if (parsed.success) return parsed.output;
  } catch {
    // no JSON
  }
  throw otherKind(http);
}

/** Node-RED, and what is asked before anybody signs in. In Home Assistant's app a proxy stands before it that wants Basic. */
async function reach({
  http,
  settings,
}: Context): Promise<{ device: DeviceHttp; login: string | undefined }> {
  const { address: typed, user, password } = settings;
  const options = { address: typed, ...portUnlessSaid(typed, PORT) };
  const open = http(options);
  const first = await open.ask({ path: '/auth/login', accept: [200, 401] });
  if (first.status === 200) return { device: open, login: (await read(open, first, Login)).type };
  await first.drain();
  if (user === '') throw wrongPassword(open);
  const device = http({ ...options, credentials: { username: user, password }, basic: true });
  await (await device.ask({ path: '/auth/login' })).drain();
  return { device, login: undefined };
}

/** What its answer to a sign-in says (oauth2orize; `lib/auth/strategies.js` of the editor API). */
const Token = v.object({ access_token: v.string() });
const Refusal = v.object({ error: v.string(), error_description: v.optional(v.string()) });

/** Signs in once. Without a scope the user gets what the user may do: with `*` one who may only read is refused. */
async function signIn(device: DeviceHttp, { settings }: Context): Promise<string> {
  const { user: username, password } = settings;
  const body = JSON.stringify({
    client_id: 'node-red-admin',
    grant_type: 'password',
    scope: '',
    username,
    password,
  });
  const answer = await device.ask({
    method: 'POST',
    path: '/auth/token',
    type: 'application/json',
    body,
    accept: [200, 400, 401, 403, 500],
  });
  if (answer.status === 200) return (await read(device, answer, Token)).access_token;
  const { error_description: why = '' } = await read(device, answer, Refusal);
  const { host } = device;
  if (/too many/i.test(why)) throw new Problem('device_locked', { params: { host } });
  if (answer.status === 500) throw new Problem('device_unavailable', { params: { host, status: '500' } });
  throw wrongPassword(device);
}

/** Works with what was signed in to, and signs out again: tokens last for a week and pile up. */
async function inSession<Result>(
  context: Context,
  work: (ask: Ask, device: DeviceHttp) => Promise<Result>,
): Promise<Result> {
  const { device, login } = await reach(context);
  if (login === 'strategy') {
    const reason = 'people sign in by another service there';
    throw new Problem('device_failed', { params: { host: device.host, reason } });
  }
  if (login === undefined || context.settings.user === '')
    return work((request) => device.ask(request), device);
  const token = await signIn(device, context);
  const authorization = `Bearer ${token}`;
  const ask: Ask = async (request) => {
    try {
      return await device.ask({ ...request, headers: { ...request.headers, authorization } });
    } catch (error) {
      // whoever is signed in and refused lacks the right
      if (!isProblem(error, 'device_password')) throw error;
      throw new Problem('device_forbidden', { params: { host: device.host } });
    }
  };
  try {
    return await work(ask, device);
  } finally {
    await ask({
      method: 'POST',
      path: '/auth/revoke',
      type: 'application/json',
      body: JSON.stringify({ token }),
    })
      .then((answer) => answer.drain())
      .catch(() => undefined);
  }
}

async function identify(ask: Ask, device: DeviceHttp): Promise<Identity> {
  const { version } = await read(device, await ask({ path: '/settings' }), Settings);
  return { firmware: version, model: 'Node-RED' };
}

async function flows(ask: Ask, device: DeviceHttp): Promise<v.InferOutput<typeof Flow>[]> {
  return (await read(device, await ask({ path: '/flows', headers: V2 }), Flows)).flows;
}

/** What is installed, as a page cannot say it; undefined where the user may not see it. */
async function modules(ask: Ask): Promise<Buffer | undefined> {
  try {
    const answer = await ask({ path: '/nodes', headers: { accept: 'application/json' } });
    return await answer.bytes(FLOWS_LIMIT);
  } catch (error) {
    if (isProblem(error, 'device_forbidden') || isProblem(error, 'device_password')) return undefined;
    throw error;
  }
}

/** Node-RED, from version 1; tested on the real one. */
export const nodeRed = handler({
  kind: 'node-red',
  fields,
  extension: 'json',
  place: ({ address: where }) => where,
  test: (context) =>
    inSession(context, async (ask, device) => {
      const identity = await identify(ask, device);
      await flows(ask, device);
      return identity;
    }),
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const found = await inSession(context, async (ask, device) => ({
      device,
      flows: await flows(ask, device),
      modules: await modules(ask),
    }));
    // one that lost its files starts with none: the last good ones must not be followed by nothing
    if (found.flows.length === 0) {
      throw new Problem('device_nothing', { params: { host: found.device.host } });
    }
    // as Node-RED writes it itself: it can be imported in the editor, or put in the place of its file
    yield { name: FLOWS, content: `${JSON.stringify(found.flows, null, 4)}\n` };
    if (found.modules) yield { name: MODULES, content: found.modules };
  },
  validate: async (saved) => {
    await savedFlows(saved);
    const known = saved.files.find(({ name }) => name === MODULES);
    if (known && !v.is(Modules, parse(MODULES, await known.text(FLOWS_LIMIT)))) {
      throw new Problem('artefact_wrong', { params: { file: MODULES, reason: 'no list of modules' } });
    }
  },
  normalise: (name, bytes) => (name === MODULES ? comparableModules(bytes) : comparableFlows(bytes)),
  restore: {
    same: [],
    warnings: ['credentials'],
    run: async (context, saved) => {
      const body = JSON.stringify({ flows: await savedFlows(saved) });
      await inSession(context, async (ask, device) => {
        const answer = await ask({
          method: 'POST',
          path: '/flows',
          // without a revision, so that what was deployed since is no reason to refuse
          headers: { ...V2, 'node-red-deployment-type': 'full' },
          type: 'application/json',
          body,
          accept: [200, 400, 413, 500],
        });
        const said = await answer.text();
        if (answer.status === 200) return;
        context.log.debug('Node-RED refused flows', { host: device.host, status: answer.status });
        const reason = answer.status === 413 ? 'larger than its apiMaxLength' : said.slice(0, 100);
        throw new Problem('restore_refused', { params: { file: FLOWS, reason } });
      });
    },
    verify: async (context, saved) => {
      const [was, is] = [await savedFlows(saved), await inSession(context, flows)].map(byId);
      if (!isDeepStrictEqual(was, is)) throw new Problem('restore_different', { params: { file: FLOWS } });
    },
  },
  discovery: {
    port: PORT,
    recognise: async (http) => {
      const answer = await http.ask({ path: '/settings', accept: [200, 401] });
      if (answer.status === 200) {
        const found = await read(http, answer, Settings);
        return 'httpNodeRoot' in found ? { firmware: found.version, model: 'Node-RED' } : undefined;
      }
      await answer.drain();
      const login = await read(http, await http.ask({ path: '/auth/login' }), Login);
      return login.type === 'credentials' || login.type === 'strategy' ? { model: 'Node-RED' } : undefined;
    },
  },
});

/** The flows that were saved. @throws Problem `artefact_wrong` */
async function savedFlows(saved: SavedFiles): Promise<v.InferOutput<typeof Flow>[]> {
  const parsed = v.safeParse(
    v.pipe(v.array(Flow), v.minLength(1)),
    parse(FLOWS, await saved.get(FLOWS).text(FLOWS_LIMIT)),
  );
  if (parsed.success) return parsed.output;
  throw new Problem('artefact_wrong', { params: { file: FLOWS, reason: 'no flows' } });
}

const byId = (list: readonly v.InferOutput<typeof Flow>[]) => list.toSorted((a, b) => (a.id < b.id ? -1 : 1));

function parse(name: string, content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    throw new Problem('artefact_wrong', { params: { file: name, reason: 'no JSON' } });
  }
}
