import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';

/** How a file may be packed, best first, and how its packed twin is named. */
const ENCODINGS = [
  { name: 'br', suffix: '.br' },
  { name: 'gzip', suffix: '.gz' },
] as const;

/** What a page is made of; whatever else lies in the folder (source maps …) is not served. */
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** A folder with more than this is no UI of ours, and would live in memory (bytes). */
const MAX_BYTES = 16 * 1024 * 1024;

/** The page that names all others. */
const INDEX = 'index.html';

/** A name that changes whenever what it names does, as esbuild makes them: `app-K3J2LPQ7.js`. */
const HASHED = /-[A-Z0-9]{8}\.[a-z0-9]+$/;

/** Names that stay the same are asked for again, and answered with 304. */
const CACHE = { index: 'no-store', hashed: 'public, max-age=31536000, immutable', other: 'no-cache' };

/**
 * Nothing but our own files runs; styles may also stand in the page, which Lit does in older browsers. Who may frame
 * us is Home Assistant, whose origin ours is behind ingress. The referrer policy must not be `no-referrer`: then
 * browsers send `Origin: null` with forms, and nobody could tell our own page from another.
 */
const SECURITY = {
  'content-security-policy': [
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'self'",
  ].join('; '),
  'referrer-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

const NOT_BUILT = `The web page of Homestash was not built.

Run  npm run build  in its folder and start it again. The API works without it.
`;

interface Packed {
  readonly encoding: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface StaticFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly packed: readonly Packed[];
  readonly type: string;
  readonly hash: string;
  readonly cache: string;
}

/** Files by the path under which they are asked for; a client's path is looked up and never leads anywhere else. */
export type StaticFiles = ReadonlyMap<string, StaticFile>;

function describe(name: string, bytes: Uint8Array<ArrayBuffer>, packed: readonly Packed[]): StaticFile {
  return {
    bytes,
    packed,
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    hash: createHash('sha256').update(bytes).digest('base64url').slice(0, 22),
    cache: name === INDEX ? CACHE.index : HASHED.test(name) ? CACHE.hashed : CACHE.other,
  };
}

/** Every file of a folder by its name in it, with slashes; links are not followed. */
async function contentOf(dir: string): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const content = new Map<string, Uint8Array<ArrayBuffer>>();
  let size = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    size += bytes.length;
    if (size > MAX_BYTES) throw new Error(`${dir} is no web page of ours: it holds more than 16 MiB`);
    content.set(relative(dir, path).split(sep).join('/'), bytes);
  }
  return content;
}

/** Loads what a build of the web UI left in a folder; without one there is a page that says how to get it. */
export async function loadFiles(dir: string): Promise<StaticFiles> {
  const content = await contentOf(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return new Map<string, Uint8Array<ArrayBuffer>>();
    throw error;
  });
  const files = new Map<string, StaticFile>();
  for (const [name, bytes] of content) {
    if (TYPES[extname(name)] === undefined) continue;
    const packed = ENCODINGS.flatMap(({ name: encoding, suffix }) => {
      const twin = content.get(name + suffix);
      return twin ? [{ encoding, bytes: twin }] : [];
    });
    files.set(`/${name}`, describe(name, bytes, packed));
  }
  const index = files.get(`/${INDEX}`) ?? {
    ...describe('', Buffer.from(NOT_BUILT), []),
    type: 'text/plain; charset=utf-8',
    cache: CACHE.index,
  };
  return files.set('/', index);
}

/** Whether a client takes this encoding (RFC 9110, section 12.5.3). */
function takes(header: string, encoding: string): boolean {
  const weights = new Map(
    header.split(',').map((item) => {
      const [name = '', weight] = item
        .trim()
        .toLowerCase()
        .split(/\s*;\s*q=/);
      return [name, weight === undefined ? 1 : Number(weight)];
    }),
  );
  return (weights.get(encoding) ?? weights.get('*') ?? 0) > 0;
}

function isKnown(header: string | undefined, etag: string): boolean {
  const tags = (header ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  return tags.includes(etag) || tags.includes('*');
}

/** Answers with a file; undefined where there is none of this path. */
export function answerFile(
  files: StaticFiles,
  request: {
    readonly method: string;
    readonly path: string;
    readonly header: (name: string) => string | undefined;
  },
): Response | undefined {
  const file = files.get(request.path);
  if (!file || (request.method !== 'GET' && request.method !== 'HEAD')) return undefined;
  const packed = file.packed.find(({ encoding }) => takes(request.header('accept-encoding') ?? '', encoding));
  const bytes = packed?.bytes ?? file.bytes;
  const etag = `"${file.hash}${packed ? `-${packed.encoding}` : ''}"`;
  const headers: Record<string, string> = { ...SECURITY, 'cache-control': file.cache, etag };
  if (file.packed.length > 0) headers.vary = 'Accept-Encoding';
  if (isKnown(request.header('if-none-match'), etag)) return new Response(null, { status: 304, headers });
  headers['content-type'] = file.type;
  headers['content-length'] = String(bytes.length);
  if (packed) headers['content-encoding'] = packed.encoding;
  return new Response(request.method === 'HEAD' ? null : bytes, { headers });
}
