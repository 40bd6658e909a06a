import { createHash, pbkdf2Sync, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { STEP_MS, totp, totpKey } from '../../../src/devices/handlers/fritzbox-totp.ts';
import type { FritzBoxState } from './fritzbox.ts';
import { bodyOf } from './server.ts';

const NO_SESSION = '0000000000000000';
const LOGIN_PAGE =
  '<!DOCTYPE html>\n<html lang="de"><head><title>FRITZ!Box</title></head><body></body></html>';

/** The pages of a FRITZ!Box as far as a backup asks them: signing in, confirming, exporting. */
export class FritzBoxPages {
  /** Answers to a challenge that were wrong. */
  failures = 0;
  /** So long nobody may sign in (seconds). */
  blockTime = 0;
  /** Codes of an app that were wrong. */
  wrongCodes = 0;
  readonly #state: FritzBoxState;
  readonly #sessions = new Map<string, { confirming: boolean; confirmed: boolean }>();
  #challenge = '';
  #lastCode = '';

  constructor(state: FritzBoxState) {
    this.#state = state;
  }

  /** Sessions that nobody has ended. */
  get open(): number {
    return this.#sessions.size;
  }

  readonly answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = (request.url ?? '').split('?')[0];
    const body = await bodyOf(request);
    const send = (status: number, type: string, content: string | Buffer) => {
      response.writeHead(status, { 'content-type': type });
      response.end(content);
    };
    const page = () => send(200, 'text/html; charset=utf-8', LOGIN_PAGE);
    const values = new URLSearchParams(body.toString('latin1'));
    if (path === '/jason_boxinfo.xml') send(200, 'text/xml', this.#boxInfo());
    else if (path === '/login_sid.lua') send(200, 'text/xml', this.#login(request, values));
    else if (path === '/data.lua' && request.method === 'POST') {
      const session = this.#sessions.get(values.get('sid') ?? '');
      if (!session || values.get('page') !== 'sysSave' || this.#state.oldPages) page();
      else {
        const tfaNeeded = this.#state.secondFactor !== 'off' && !session.confirmed;
        send(
          200,
          'application/json',
          JSON.stringify({ pid: 'sysSave', data: { tfaNeeded }, sid: values.get('sid') }),
        );
      }
    } else if (path === '/twofactor.lua' && request.method === 'POST') {
      const said = this.#confirm(values);
      if (said) send(200, 'application/json', JSON.stringify(said));
      else page();
    } else if (path === '/cgi-bin/firmwarecfg' && request.method === 'POST') {
      const fields = fieldsIn(body, request.headers['content-type'] ?? '');
      const session = this.#sessions.get(fields.get('sid') ?? '');
      const asked = [...fields.keys()].join() === 'sid,ImportExportPassword,ConfigExport';
      if (!session || !asked || fields.get('ImportExportPassword') === '') page();
      // what is not confirmed is an empty answer
      else if (this.#state.secondFactor !== 'off' && !session.confirmed)
        send(200, 'application/octet-stream', '');
      else {
        this.#state.exportPasswords.push(fields.get('ImportExportPassword') ?? '');
        send(200, 'application/octet-stream', this.#state.exported());
      }
    } else if (path === '/') page();
    else send(404, 'text/html', '<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD></HTML>');
  };

  #boxInfo(): string {
    const { model, firmware, serial } = this.#state;
    return `<j:BoxInfo xmlns:j="http://jason.avm.de/updatecheck/"><j:Name>${model}</j:Name><j:HW>226</j:HW><j:Version>${firmware}</j:Version><j:Revision>120000</j:Revision><j:Serial>${serial}</j:Serial><j:OEM>avm</j:OEM><j:Lang>de</j:Lang></j:BoxInfo>`;
  }

  #login(request: IncomingMessage, values: URLSearchParams): string {
    const second = URL.parse(request.url ?? '', 'http://box')?.searchParams.get('version') === '2';
    const sid = values.get('sid');
    if (request.method === 'POST' && sid && values.has('logout')) {
      this.#sessions.delete(sid);
      return this.#sessionInfo(NO_SESSION, second);
    }
    if (request.method !== 'POST') return this.#sessionInfo(NO_SESSION, second);
    const { user, password } = this.#state;
    const right =
      this.blockTime === 0 &&
      values.get('username') === user &&
      values.get('response') === answerTo(this.#challenge, password);
    if (!right) {
      this.failures += 1;
      this.blockTime = 2 ** this.failures;
      return this.#sessionInfo(NO_SESSION, second);
    }
    const fresh = randomBytes(8).toString('hex');
    this.#sessions.set(fresh, { confirming: false, confirmed: false });
    return this.#sessionInfo(fresh, second);
  }

  #sessionInfo(sid: string, second: boolean): string {
    const { user, oldLogin, rights } = this.#state;
    const salt = () => randomBytes(16).toString('hex');
    this.#challenge = second && !oldLogin ? `2$1000$${salt()}$100$${salt()}` : randomBytes(4).toString('hex');
    const given = sid === NO_SESSION ? [] : rights;
    const listed = given.map((right) => `<Name>${right}</Name><Access>2</Access>`).join('');
    const block = sid === NO_SESSION ? this.blockTime : 0;
    return `<?xml version="1.0" encoding="utf-8"?><SessionInfo><SID>${sid}</SID><Challenge>${this.#challenge}</Challenge><BlockTime>${block}</BlockTime><Rights>${listed}</Rights><Users><User last="1">${user}</User></Users></SessionInfo>\n`;
  }

  #confirm(values: URLSearchParams): object | undefined {
    const session = this.#sessions.get(values.get('sid') ?? '');
    if (!session) return undefined;
    const { secondFactor, totpSecret } = this.#state;
    const app = secondFactor === 'app';
    if (values.has('tfa_googleauth_info')) {
      return { googleauth: { isConfigured: app, isAvailable: app, deviceName: app ? 'phone' : '' } };
    }
    if (values.has('tfa_start')) {
      if (secondFactor === 'off') return { state: '' };
      if (this.wrongCodes >= 3) return { state: 'starterror;92' };
      session.confirming = true;
      return { state: `button,dtmf${app ? ',googleauth' : ''};4711` };
    }
    const code = values.get('tfa_googleauth');
    if (code !== null) {
      const key = totpKey(totpSecret);
      // a code counts for its own half minute and for those before and after it, and only once
      const valid = key && [-1, 0, 1].map((step) => totp(key, this.#state.now() + step * STEP_MS));
      if (!app || !session.confirming || !valid?.includes(code) || code === this.#lastCode) {
        this.wrongCodes += 1;
        return { err: 1 };
      }
      this.#lastCode = code;
      session.confirmed = true;
      return { err: 0 };
    }
    if (values.has('tfa_active')) return { done: session.confirmed, active: session.confirmed };
    if (values.has('tfa_cancel')) {
      session.confirming = false;
      return { state: '' };
    }
    return undefined;
  }
}

/** What the technical note of AVM asks for, computed as it is written there. */
function answerTo(challenge: string, password: string): string {
  if (!challenge.startsWith('2$')) {
    const text = Buffer.from(`${challenge}-${password}`, 'utf16le');
    return `${challenge}-${createHash('md5').update(text).digest('hex')}`;
  }
  const [, rounds1, salt1 = '', rounds2, salt2 = ''] = challenge.split('$');
  const first = pbkdf2Sync(password, Buffer.from(salt1, 'hex'), Number(rounds1), 32, 'sha256');
  return `${salt2}$${pbkdf2Sync(first, Buffer.from(salt2, 'hex'), Number(rounds2), 32, 'sha256').toString('hex')}`;
}

function fieldsIn(body: Buffer, contentType: string): Map<string, string> {
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(contentType)?.[1];
  const parts = boundary ? body.toString('utf8').split(`--${boundary}`).slice(1, -1) : [];
  return new Map(
    parts.flatMap((part) => {
      const found = /^\r\nContent-Disposition: form-data; name="([^"]*)"\r\n\r\n([\s\S]*)\r\n$/.exec(part);
      return found ? [[found[1] ?? '', found[2] ?? ''] as const] : [];
    }),
  );
}
