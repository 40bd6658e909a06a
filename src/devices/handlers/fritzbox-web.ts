import { createHash, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import * as v from 'valibot';
import type { Clock } from '../../kernel/clock.ts';
import { Problem } from '../../kernel/errors.ts';
import type { Identity } from '../handler.ts';
import type { DeviceHttp } from '../http/client.ts';
import { multipart } from '../http/multipart.ts';
import { STEP_MS, stepOf, totp, totpKey } from './fritzbox-totp.ts';
import { serial, xmlOf } from './fritzbox-tr064.ts';

const LOGIN = '/login_sid.lua?version=2';

/** What stands in the place of a session where there is none. */
const NO_SESSION = '0000000000000000';

/** A box asks for some 10 000 rounds; more than this would be an attack on who signs in. */
const MOST_ROUNDS = 1_000_000;

/** What PBKDF2 with SHA-256 gives (bytes). */
const KEY_BYTES = 32;

/** No export is larger (bytes): those of boxes with long phone books have 2 MiB. */
const MOST_EXPORT = 32 * 1024 * 1024;

/** So often is asked whether a code was taken, once a second: the box answers within two. */
const MOST_POLLS = 15;
const POLL_MS = 1_000;

const derive = promisify(pbkdf2);

/** Which code was entered last, by the hash of its key: none counts twice (RFC 6238, section 5.2), and three wrong ones lock. */
const entered = new Map<string, number>();

const many = v.optional(v.union([v.string(), v.array(v.string())]), []);
const SessionInfo = v.object({
  SessionInfo: v.object({
    SID: v.pipe(v.string(), v.regex(/^[0-9a-f]{16}$/i)),
    Challenge: v.optional(v.string(), ''),
    BlockTime: v.optional(v.string(), '0'),
    // an element without anything in it is an empty text
    Rights: v.optional(v.union([v.literal(''), v.object({ Name: many, Access: many })])),
  }),
});

/** What a box wants to hear to a challenge (AVM, Session ID technical note, 2021); undefined where it is none. */
export async function challengeResponse(challenge: string, password: string): Promise<string | undefined> {
  const [, rounds1, salt1, rounds2, salt2] =
    /^2\$(\d+)\$([0-9a-f]+)\$(\d+)\$([0-9a-f]+)$/i.exec(challenge) ?? [];
  if (salt1 !== undefined && salt2 !== undefined) {
    const [first, second] = [Number(rounds1), Number(rounds2)];
    if (first < 1 || second < 1 || first > MOST_ROUNDS || second > MOST_ROUNDS) return undefined;
    const fixed = await derive(password, Buffer.from(salt1, 'hex'), first, KEY_BYTES, 'sha256');
    const answer = await derive(fixed, Buffer.from(salt2, 'hex'), second, KEY_BYTES, 'sha256');
    return `${salt2}$${answer.toString('hex')}`;
  }
  if (!/^[0-9a-z]{8}$/i.test(challenge)) return undefined;
  // signs that ISO-8859-1 has not are points (the same note)
  const known = password.replace(/[\u0100-\u{10ffff}]/gu, '.');
  const hash = createHash('md5')
    .update(Buffer.from(`${challenge}-${known}`, 'utf16le'))
    .digest('hex');
  return `${challenge}-${hash}`;
}

/** Who signs in to the pages, and with what is confirmed where the box wants that. */
interface WebAccess {
  readonly user: string;
  readonly password: string;
  /** The key of an authenticator app; empty where there is none. */
  readonly totpSecret: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A session at the pages of a box. */
export interface WebSession {
  /** @throws Problem `device_second_factor` where an export has to be confirmed and no app may do that */
  ready(): Promise<void>;
  /** Confirms by the app where that is needed, and exports. */
  exported(password: string): Promise<Buffer>;
}

/** Signs in, works, and signs out again. @throws Problem `device_password`, `device_locked`, `device_forbidden`, `device_other_kind` */
export async function withWebSession<Result>(
  http: DeviceHttp,
  access: WebAccess,
  work: (session: WebSession) => Promise<Result>,
): Promise<Result> {
  const sid = await signIn(http, access);
  try {
    return await work(new Session(http, access, sid));
  } finally {
    // a session that stays is ended by the box after some minutes
    await form(http, LOGIN, { sid, logout: '1' }).catch(() => undefined);
  }
}

async function signIn(http: DeviceHttp, { user, password }: WebAccess): Promise<string> {
  const { host } = http;
  const before = await sessionInfo(http, await (await asked(http)).text());
  if (Number(before.BlockTime) > 0) throw new Problem('device_locked', { params: { host } });
  const response = await challengeResponse(before.Challenge, password);
  if (response === undefined) {
    throw new Problem('device_unexpected', { params: { host, reason: 'no challenge to sign in' } });
  }
  const after = await sessionInfo(http, await form(http, LOGIN, { username: user, response }));
  if (after.SID === NO_SESSION) throw new Problem('device_password', { params: { host } });
  const rights = after.Rights ? [after.Rights.Name].flat() : [];
  if (rights.length > 0 && !rights.includes('BoxAdmin')) {
    await form(http, LOGIN, { sid: after.SID, logout: '1' }).catch(() => undefined);
    throw new Problem('device_forbidden', { params: { host } });
  }
  return after.SID;
}

/** The page to sign in, which other devices do not have. */
async function asked(http: DeviceHttp) {
  const answer = await http.ask({ path: LOGIN, accept: [200, 301, 302, 303, 400, 401, 403, 404, 405] });
  if (answer.status === 200) return answer;
  await answer.drain();
  throw new Problem('device_other_kind', { params: { host: http.host, kind: 'FRITZ!Box' } });
}

async function sessionInfo(http: DeviceHttp, text: string) {
  const other = new Problem('device_other_kind', { params: { host: http.host, kind: 'FRITZ!Box' } });
  if (!text.includes('<SessionInfo>')) throw other;
  const parsed = v.safeParse(SessionInfo, await xmlOf(http, text));
  if (!parsed.success) throw other;
  return parsed.output.SessionInfo;
}

async function form(
  http: DeviceHttp,
  path: string,
  values: Readonly<Record<string, string>>,
): Promise<string> {
  const type = 'application/x-www-form-urlencoded';
  const body = new URLSearchParams(values).toString();
  return (await http.ask({ method: 'POST', path, type, body })).text();
}

const SavePage = v.object({ data: v.object({ tfaNeeded: v.boolean() }) });
const Started = v.object({ state: v.string() });
const Authenticator = v.object({ googleauth: v.object({ isConfigured: v.boolean() }) });
const Entered = v.object({ err: v.optional(v.union([v.number(), v.string()]), 0) });
const Active = v.object({ done: v.optional(v.boolean(), false), active: v.optional(v.boolean(), false) });

class Session implements WebSession {
  readonly #http: DeviceHttp;
  readonly #access: WebAccess;
  readonly #sid: string;

  constructor(http: DeviceHttp, access: WebAccess, sid: string) {
    this.#http = http;
    this.#access = access;
    this.#sid = sid;
  }

  async ready(): Promise<void> {
    if (!(await this.#confirmationNeeded())) return;
    this.#key();
    // a code that is entered here could not be entered again by a backup that follows at once
    const app = await this.#second(Authenticator, { tfa_googleauth_info: '' });
    if (!app.googleauth.isConfigured) throw this.#problem('device_second_factor');
  }

  async exported(password: string): Promise<Buffer> {
    if (await this.#confirmationNeeded()) await this.#confirm();
    const { body, type } = multipart(
      { sid: this.#sid, ImportExportPassword: password, ConfigExport: '' },
      [],
    );
    const answer = await this.#http.ask({ method: 'POST', path: '/cgi-bin/firmwarecfg', body, type });
    const bytes = await answer.bytes(MOST_EXPORT);
    // what it has not been allowed is left empty, without a fault
    if (bytes.length === 0) throw this.#problem('device_second_factor');
    return bytes;
  }

  /** Whether an export has to be confirmed; a firmware whose page does not say so wants none, or says so later. */
  async #confirmationNeeded(): Promise<boolean> {
    const body = new URLSearchParams({ sid: this.#sid, page: 'sysSave', xhr: '1', lang: 'de' }).toString();
    const type = 'application/x-www-form-urlencoded';
    const accept = [200, 400, 403, 404, 500];
    const answer = await this.#http.ask({ method: 'POST', path: '/data.lua', body, type, accept });
    const parsed = v.safeParse(SavePage, json(await answer.text()));
    return parsed.success ? parsed.output.data.tfaNeeded : this.#access.totpSecret !== '';
  }

  async #confirm(): Promise<void> {
    const key = this.#key();
    const { clock, signal } = this.#access;
    const name = createHash('sha256').update(key).digest('hex');
    if (entered.get(name) === stepOf(clock.now()))
      await clock.sleep(STEP_MS - (clock.now() % STEP_MS), signal);
    const { state } = await this.#second(Started, { tfa_start: '' });
    if (state === '') return;
    const [methods = '', detail] = state.split(';');
    if (methods === 'starterror') {
      // 92 after three wrong tries, for an hour; 91 while somebody confirms something else
      if (detail === '92') throw this.#problem('device_locked');
      throw new Problem('device_failed', {
        params: { host: this.#http.host, reason: `confirmation ${detail ?? ''}` },
      });
    }
    if (!methods.split(',').includes('googleauth')) {
      await this.#cancel();
      throw this.#problem('device_second_factor');
    }
    const now = clock.now();
    entered.set(name, stepOf(now));
    const { err } = await this.#second(Entered, { tfa_googleauth: totp(key, now) });
    if (String(err) !== '0') {
      await this.#cancel();
      throw this.#problem('device_code');
    }
    for (let poll = 0; poll < MOST_POLLS; poll += 1) {
      if (poll > 0) await clock.sleep(POLL_MS, signal);
      const { done, active } = await this.#second(Active, { tfa_active: '' });
      if (done && active) return;
      if (done) break;
    }
    throw this.#problem('device_second_factor');
  }

  #key(): Buffer {
    const { totpSecret } = this.#access;
    if (totpSecret === '') throw this.#problem('device_second_factor');
    const key = totpKey(totpSecret);
    if (!key) throw this.#problem('device_code');
    return key;
  }

  async #second<Schema extends v.GenericSchema>(
    schema: Schema,
    values: Readonly<Record<string, string>>,
  ): Promise<v.InferOutput<Schema>> {
    const said = await form(this.#http, '/twofactor.lua', {
      xhr: '1',
      sid: this.#sid,
      ...values,
      no_sidrenew: '',
    });
    const parsed = v.safeParse(schema, json(said));
    if (parsed.success) return parsed.output;
    const reason = `no answer of twofactor.lua to ${Object.keys(values)[0]}`;
    throw new Problem('device_unexpected', { params: { host: this.#http.host, reason } });
  }

  async #cancel(): Promise<void> {
    const values = { xhr: '1', sid: this.#sid, tfa_cancel: '', no_sidrenew: '' };
    await form(this.#http, '/twofactor.lua', values).catch(() => undefined);
  }

  #problem(code: 'device_second_factor' | 'device_code' | 'device_locked'): Problem {
    return new Problem(code, { params: { host: this.#http.host } });
  }
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const BoxInfo = v.object({
  BoxInfo: v.object({
    Name: v.optional(v.string()),
    Version: v.optional(v.string()),
    Serial: v.optional(v.string()),
  }),
});

/** Who it is by `jason_boxinfo.xml`, which nobody has to sign in for; undefined where there is no such page. */
export async function boxInfo(http: DeviceHttp): Promise<Identity | undefined> {
  const answer = await http.ask({ path: '/jason_boxinfo.xml', accept: [200, 403, 404] });
  const text = await answer.text();
  if (answer.status !== 200 || !text.includes('BoxInfo')) return undefined;
  const parsed = v.safeParse(BoxInfo, await xmlOf(http, text));
  if (!parsed.success) return undefined;
  const { Name, Version, Serial } = parsed.output.BoxInfo;
  return { id: serial(Serial), model: Name, firmware: Version };
}
