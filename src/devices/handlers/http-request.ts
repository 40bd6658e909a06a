import { Problem } from '../../kernel/errors.ts';
import type { HttpOptions, HttpRequest } from '../http/client.ts';

/** What is asked of a person about a request. */
export interface RequestSettings {
  readonly address: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** `Name: value`, one a line. */
  readonly headers: string;
  readonly body: string;
  readonly auth: 'none' | 'basic' | 'digest' | 'bearer';
  readonly user: string;
  readonly password: string;
  readonly token: string;
}

/** More headers are a mistake. */
const MOST_HEADERS = 50;

/** Names and values that HTTP has (RFC 9110, sections 5.1 and 5.5). */
const NAME = /^[\w!#$%&'*+.^`|~-]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the tab is allowed, and others are not
const VALUE = /^[\u0009\u0020-\u007e\u0080-\u00ff]*$/;

/** A path with its query as HTTP has it: other signs are written as `%20`. */
const PATH = /^\/[\u0021-\u007e]*$/;

/** They say how the message is sent, which is not for a person to say. */
const OWN =
  /^(?:host|connection|content-length|transfer-encoding|te|trailer|upgrade|expect|keep-alive|accept-encoding|range|if-.*|proxy-.*)$/;

/** What is wrong is told without what was entered, for it may be secret. */
const invalid = (detail: string): Problem => new Problem('invalid_request', { params: { detail } });

/** Reads headers as a person typed them. @throws Problem `invalid_request` */
export function readHeaders(text: string): Record<string, string> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  if (lines.length > MOST_HEADERS) throw invalid(`headers: at most ${MOST_HEADERS}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const at = line.indexOf(':');
    const name = line.slice(0, Math.max(at, 0)).trim().toLowerCase();
    const value = line.slice(at + 1).trim();
    if (at < 0 || !NAME.test(name) || !VALUE.test(value)) throw invalid('headers: lines as "Name: value"');
    if (OWN.test(name)) throw invalid(`headers: without ${name}`);
    headers[name] = value;
  }
  return headers;
}

/** What the body of a request is, where no header says it: as programs that send such things mostly mean it. */
const typeOf = (body: string): string =>
  /^\s*[[{]/.test(body)
    ? 'application/json'
    : /^\s*</.test(body)
      ? 'application/xml'
      : 'application/x-www-form-urlencoded';

/** What a person entered as a request. @throws Problem `invalid_request` */
export function requestOf(settings: RequestSettings): { options: HttpOptions; request: HttpRequest } {
  const { address, method, auth, user: username, password, token, body } = settings;
  const path = settings.path.startsWith('/') ? settings.path : `/${settings.path}`;
  if (!PATH.test(path)) throw invalid('path: without blanks, other signs as %20');
  const headers = readHeaders(settings.headers);
  if (auth === 'bearer') {
    if (token === '' || !VALUE.test(token)) throw invalid('token: something');
    headers.authorization = `Bearer ${token}`;
  }
  const signsIn = auth === 'basic' || auth === 'digest';
  if (signsIn && username === '') throw invalid('user: something');
  const { 'content-type': type = typeOf(body), ...others } = headers;
  return {
    options: {
      address,
      headers: others,
      ...(signsIn && { credentials: { username, password }, basic: auth === 'basic' }),
    },
    request: { method, path, ...(method === 'POST' && { body, type }) },
  };
}
