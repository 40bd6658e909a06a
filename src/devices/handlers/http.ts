import { createReadStream } from 'node:fs';
import { Problem } from '../../kernel/errors.ts';
import { address, choice, multiline, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, type FetchedFile, handler, type SavedFile } from '../handler.ts';
import { type HttpAnswer, looksLikePage } from '../http/client.ts';
import { requestOf } from './http-request.ts';
import { checkArchive, comparableFile, textOf } from './plain.ts';

const fields = {
  address: address(),
  path: text({ default: '/' }),
  method: choice(['GET', 'POST']),
  body: multiline({ when: { field: 'method', is: ['POST'] } }),
  auth: choice(['none', 'basic', 'digest', 'bearer']),
  user: text({ when: { field: 'auth', is: ['basic', 'digest'] } }),
  password: secret({ when: { field: 'auth', is: ['basic', 'digest'] } }),
  token: secret({ when: { field: 'auth', is: ['bearer'] } }),
  expected: choice(['json', 'xml', 'text', 'zip', 'gzip', 'anything']),
  must_contain: text(),
  headers: multiline({ advanced: true }),
  file_name: text({ advanced: true }),
};
type Settings = SettingsOf<typeof fields>;
type Context = DeviceContext<Settings>;

/** How what is expected is called. */
const NAMES: Readonly<Record<Settings['expected'], string>> = {
  json: 'answer.json',
  xml: 'answer.xml',
  text: 'answer.txt',
  zip: 'answer.zip',
  gzip: 'answer.gz',
  anything: 'answer.bin',
};

/** A document is read as a whole to be checked; a larger one is no configuration (bytes). */
const DOCUMENT_BYTES = 64 * 1024 * 1024;

const nameOf = ({ file_name, expected }: Settings): string => file_name || NAMES[expected];

async function ask({ settings, http }: Context): Promise<{ answer: HttpAnswer; host: string }> {
  const { options, request } = requestOf(settings);
  const device = http(options);
  const answer = await device.ask(request);
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    await answer.drain();
    throw new Problem('device_unexpected', {
      params: { host: device.host, reason: 'compressed without being asked' },
    });
  }
  return { answer, host: device.host };
}

const wrong = (file: string, reason: string): Problem =>
  new Problem('artefact_wrong', { params: { file, reason } });

const cut = (file: string): Problem => new Problem('artefact_cut', { params: { file } });

function checkJson(file: string, content: string): void {
  try {
    JSON.parse(content);
  } catch {
    const [begin, end] = [content.trimStart()[0], content.trimEnd().at(-1)];
    const open = (begin === '{' && end !== '}') || (begin === '[' && end !== ']');
    throw open ? cut(file) : wrong(file, 'no JSON');
  }
}

async function checkXml(file: string, content: string): Promise<void> {
  if (!content.trimStart().startsWith('<')) throw wrong(file, 'no XML');
  const { XMLValidator } = await import('fast-xml-parser');
  const verdict = XMLValidator.validate(content);
  if (verdict === true) return;
  const open = !content.trimEnd().endsWith('>') || /^unclosed/i.test(verdict.err.msg);
  throw open ? cut(file) : wrong(file, 'damaged XML');
}

/** @throws Problem `artefact_…` where it is not what was expected */
async function check(file: SavedFile, expected: Settings['expected']): Promise<void> {
  if (expected === 'anything') return;
  if (expected === 'zip' || expected === 'gzip') {
    const found = await checkArchive(file);
    if (found !== expected) throw wrong(file.name, `no ${expected}`);
    return;
  }
  const content = textOf(await file.bytes(DOCUMENT_BYTES));
  if (content === undefined) throw wrong(file.name, 'no text');
  if (looksLikePage(content)) throw new Problem('artefact_page', { params: { file: file.name } });
  if (expected === 'json') checkJson(file.name, content);
  else if (expected === 'xml') await checkXml(file.name, content);
}

/** Whether bytes stand somewhere in a file, also where two pieces of it meet. */
async function contains(path: string, wanted: Buffer): Promise<boolean> {
  let tail = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    const piece = Buffer.concat([tail, chunk as Buffer]);
    if (piece.includes(wanted)) return true;
    tail = piece.subarray(Math.max(0, piece.length - wanted.length + 1));
  }
  return false;
}

/** What an address answers over HTTP: any device with an export; tested with Node's server, and curl as its other client. */
export const http = handler({
  kind: 'http',
  fields,
  extension: 'txt',
  // what is a page is judged here, by what is expected
  pages: true,
  // a query may hold a key
  place: ({ address: where, path }) => `${where}${path === '/' ? '' : (path.split('?')[0] ?? '')}`,
  test: async (context) => {
    const { answer, host } = await ask(context);
    // its beginning says enough: an export may be long, and is fetched anew
    for await (const chunk of answer.body) {
      if (context.settings.expected !== 'anything' && looksLikePage(Buffer.from(chunk).toString('utf8'))) {
        throw new Problem('device_unexpected', { params: { host, reason: 'a page instead of data' } });
      }
      break;
    }
    return {};
  },
  // it says nothing of itself, and what it is asked for may take it minutes: a backup asks once
  identify: async () => ({}),
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const { answer } = await ask(context);
    yield { name: nameOf(context.settings), content: answer.body };
  },
  validate: async (saved, settings) => {
    const file = saved.get(nameOf(settings));
    await check(file, settings.expected);
    const { must_contain: wanted } = settings;
    if (wanted !== '' && !(await contains(file.path, Buffer.from(wanted)))) {
      throw wrong(file.name, `without "${wanted.slice(0, 60)}"`);
    }
  },
  normalise: (_name, bytes) => comparableFile(bytes),
});
