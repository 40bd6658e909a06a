import { createReadStream } from 'node:fs';
import { Problem } from '../../kernel/errors.ts';
import type { SavedFile } from '../handler.ts';
import { comparableEntries, isGzip, tarEntries } from './archive.ts';
import { MASK } from './json.ts';
import { maskSecrets, textOf } from './plain.ts';

/** What a device writes when it gives its configuration. */
export interface SshFormat {
  /** In words, for sentences. */
  readonly name: string;
  /** Whether something begins so. */
  recognises(bytes: Buffer): boolean;
  /** Reads all of it. @throws Problem `artefact_cut`, `artefact_wrong` */
  check(file: SavedFile): Promise<void>;
  comparable(bytes: Buffer): Promise<string | undefined> | string | undefined;
}

/** So much says what it is (bytes). */
const HEAD = 4_096;

const headOf = (bytes: Buffer): string =>
  bytes.subarray(0, HEAD).toString('utf8').replace(/\r\n?/g, '\n').trimStart();

const wrong = (file: string, reason: string): Problem =>
  new Problem('artefact_wrong', { params: { file, reason } });

/** `# 2026-11-27 09:00:00 by RouterOS 7.20`, in version 6 `# nov/27/2026 09:00:00 by RouterOS 6.49`. */
const ROUTEROS_HEAD = /^# \S+ \S+ by RouterOS [\d.]+/;

/** What a part of the export says that RouterOS gave up; the others are there. */
const ROUTEROS_GAVE_UP = /^#? ?error exporting (.{0,60})/im;

/** Remarks of the moment, as Oxidized knows them too: they come and go by themselves. */
const ROUTEROS_MOMENT =
  /^#(?:\s*(?:inactive time|received packet from \S+ bad format|poe-out status: \S+|\S+ not ready|Firmware upgraded successfully.*))\s*$/;

/** `password="a b"`, `wpa2-pre-shared-key=abc`, but not `public-key=`. */
const ROUTEROS_SECRET =
  /(?<![\w.-])((?:[\w.-]*(?:password|passphrase|secret|psk|token|pin)|(?!(?:[\w.-]*\.)?public-key)[\w.-]*key(?:-\d)?)=)("(?:[^"\\]|\\.)*"|[^\s"]+)/gi;

/** Lines of an export are broken after a backslash; a value may be. */
const ROUTEROS_BREAK = /\\\n\s*/g;

const routeros: SshFormat = {
  name: 'an export of RouterOS',
  recognises: (bytes) => ROUTEROS_HEAD.test(headOf(bytes)),
  check: async (file) => {
    const text = (await file.text()).replace(/\r\n?/g, '\n');
    if (!ROUTEROS_HEAD.test(text.trimStart()))
      throw wrong(file.name, 'no line "by RouterOS" at its beginning');
    const [, part] = ROUTEROS_GAVE_UP.exec(text) ?? [];
    if (part !== undefined) throw wrong(file.name, `RouterOS gave up at ${part.trim()}`);
    if (!/^\//m.test(text)) throw wrong(file.name, 'no section');
    // each command of an export has a line of its own, and ends with it
    if (!text.endsWith('\n') || text.endsWith('\\\n')) {
      throw new Problem('artefact_cut', { params: { file: file.name } });
    }
  },
  comparable: (bytes) => {
    const text = textOf(bytes)
      ?.replace(/\r\n?/g, '\n')
      .replace(ROUTEROS_BREAK, '')
      .replace(/^# \S+ \S+ (by RouterOS )/, '# $1')
      .replace(ROUTEROS_SECRET, `$1${MASK}`);
    return text
      ?.split('\n')
      .filter((line) => !ROUTEROS_MOMENT.test(line))
      .join('\n');
  },
};

const tarGz: SshFormat = {
  name: 'a tar.gz',
  recognises: isGzip,
  check: async (file) => {
    const source = createReadStream(file.path);
    const entries = await tarEntries(source, { file: file.name, gzip: true });
    if (!entries.some(({ type, size }) => type === 'file' && size > 0)) {
      throw wrong(file.name, 'no file in the archive');
    }
  },
  comparable: async (bytes) => comparableEntries(await tarEntries([bytes], { file: '', gzip: true })),
};

/** Elements of pfSense's configuration that hold secrets besides those whose names say so. */
const PFSENSE_SECRET =
  /(<((?:bcrypt|sha512|md5|nt)-hash|prv|privatekey|presharedkey|pre-shared-key|tls|shared_key|static_keys|rocommunity|rwcommunity|psk|pin)>)[^<]+(<\/\2>)/gi;

const pfsense: SshFormat = {
  name: 'a configuration of pfSense',
  recognises: (bytes) => /^(?:<\?xml[^>]*>\s*)?<pfsense[\s>]/.test(headOf(bytes)),
  check: async (file) => {
    const text = (await file.text()).trim();
    if (!/^(?:<\?xml[^>]*>\s*)?<pfsense[\s>]/.test(text)) throw wrong(file.name, 'no <pfsense>');
    if (!text.endsWith('</pfsense>')) throw new Problem('artefact_cut', { params: { file: file.name } });
    const { XMLValidator } = await import('fast-xml-parser');
    if (XMLValidator.validate(text) !== true) throw wrong(file.name, 'damaged XML');
  },
  comparable: (bytes) => {
    const text = textOf(bytes)?.replace(/^[^\S\n]*<revision>[\s\S]*?<\/revision>[^\S\n]*\r?\n?/m, '');
    return text === undefined ? undefined : maskSecrets(text.replace(PFSENSE_SECRET, `$1${MASK}$3`));
  },
};

/** The last lines of a configuration say which programs it fits; nothing comes behind them. */
const VYOS_END = /(?:vyos|vyatta)-config-version:[\s\S]{0,4000}$/;

const vyos: SshFormat = {
  name: 'a configuration of VyOS or EdgeOS',
  recognises: (bytes) => /^(?:(?:\/\*.*\*\/|\/\/.*)\s*)*[a-z][\w-]* \{\n/.test(headOf(bytes)),
  check: async (file) => {
    const text = await file.text();
    if (!/^[a-z][\w-]* \{\r?$/m.test(text)) throw wrong(file.name, 'no section');
    if (!VYOS_END.test(text)) throw new Problem('artefact_cut', { params: { file: file.name } });
  },
  comparable: (bytes) => {
    const text = textOf(bytes);
    return text === undefined ? undefined : maskSecrets(text);
  },
};

/** What can be recognised, by the name that templates use. */
export const SSH_FORMATS = { routeros, tarGz, pfsense, vyos } as const satisfies Record<string, SshFormat>;

/** What bytes are; undefined where nothing is known of them. */
export const formatOf = (bytes: Buffer): SshFormat | undefined =>
  Object.values(SSH_FORMATS).find((format) => format.recognises(bytes));
