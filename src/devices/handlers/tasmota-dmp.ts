import { crc32 } from 'node:zlib';
import { Problem } from '../../kernel/errors.ts';

/** A file of a driver that lies in the file system of the device (`/.drvset012`). */
export interface DriverFile {
  readonly name: string;
  readonly bytes: Buffer;
}

/** A saved configuration of Tasmota, as it is before it is made unreadable. */
export interface Dump {
  /** One byte a part, the major first: 0x0F010000 is 15.1.0.0. */
  readonly version: number;
  /** For which chip the settings are laid out: `ESP8266`, `ESP32-C3`. */
  readonly chip: string;
  /** `TSettings` (tasmota_types.h). */
  readonly settings: Buffer;
  readonly files: readonly DriverFile[];
}

/** Every byte but the first two is combined with this and its place (settings.ino, SettingsBufferXor; my_user_config.h, CONFIG_FILE_XOR). */
const XOR = 0x5a;
const PLAIN_BYTES = 2;

/** Where there are files of drivers, a head of so many bytes stands before all and before each (SettingsConfigBackup). */
const HEAD = 16;
const SIZE_IN_HEAD = 14;
const CONTAINER = '/.settings';
const DRIVER_FILE = /^\/\.drvset\d{3}$/;

/** Places in `TSettings` (tasmota_types.h). */
const SIZE_AT = 0x002;
const VERSION_AT = 0x008;
const SUM_AT = 0x00e;
const CHIP_AT = 0xf36;
const CRC_AT = 0xffc;

/** `TSettings` has this size since 6.0 (bytes). */
const SETTINGS_BYTES = 4_096;

/** Older ones have no checksum. */
const OLDEST = 0x06000000;
/** Newer than what is written here: no version, but another file. */
const NEWEST = 0x40000000;
/** Newer ones have a CRC instead of a sum (SettingsConfigRestore). */
const LAST_WITH_SUM = 0x0606000a;

/** By `config_version` (settings.ino, SettingsConfigRestore; the last two as decode-config has them). */
const CHIPS = [
  'ESP8266',
  'ESP32',
  'ESP32-S3',
  'ESP32-S2',
  'ESP32-C3',
  'ESP32-C2',
  'ESP32-C6',
  'ESP32-P4',
  'ESP32-C5',
  'ESP32-S31',
  'ESP32-C61',
] as const;

/**
 * Reads a saved configuration: a plain one, or since 15 one with files of drivers.
 * @throws Problem `artefact_cut` where its end is missing, `artefact_wrong` where it is none or its checksum is another
 */
export function readDump(file: string, saved: Buffer): Dump {
  const wrong = (reason: string) => new Problem('artefact_wrong', { params: { file, reason } });
  const cut = () => new Problem('artefact_cut', { params: { file } });
  const begin = saved.subarray(0, CONTAINER.length).toString('latin1');
  const inContainer = begin === CONTAINER;
  const start = inContainer ? HEAD : 0;
  const bytes = readable(saved, start + PLAIN_BYTES);
  if (bytes.length < start + SUM_AT + 2) {
    throw inContainer ? cut() : wrong('no configuration of Tasmota');
  }
  const version = bytes.readUInt32LE(start + VERSION_AT);
  const size = bytes.readUInt16LE(start + SIZE_AT);
  if (version <= OLDEST || version >= NEWEST || size > SETTINGS_BYTES || size <= SUM_AT) {
    throw wrong('no configuration of Tasmota');
  }
  if (inContainer && bytes.length < bytes.readUInt16LE(SIZE_IN_HEAD)) throw cut();
  const settings = bytes.subarray(start, start + SETTINGS_BYTES);
  if (settings.length < size) throw cut();
  if (!sumsUp(settings, version, size)) throw wrong('checksum');
  const files = inContainer ? driverFiles(bytes.subarray(start + SETTINGS_BYTES), cut) : [];
  return { version, chip: chipOf(settings), settings, files };
}

/** `15.1.0.0`, as versions are written. */
export function versionText(version: number): string {
  return [24, 16, 8, 0].map((shift) => (version >>> shift) & 0xff).join('.');
}

/** As the firmware computes it: the usual CRC-32, but begun with 0 (settings.ino, GetCfgCrc32). */
export function settingsCrc(bytes: Uint8Array): number {
  return crc32(bytes, 0xffffffff);
}

function readable(saved: Buffer, from: number): Buffer {
  return Buffer.from(saved.map((byte, index) => (index < from ? byte : byte ^ ((XOR + index) & 0xff))));
}

function sumsUp(settings: Buffer, version: number, size: number): boolean {
  if (version > LAST_WITH_SUM) {
    return (
      size === SETTINGS_BYTES && settingsCrc(settings.subarray(0, CRC_AT)) === settings.readUInt32LE(CRC_AT)
    );
  }
  let sum = 0;
  for (const [index, byte] of settings.subarray(0, size).entries()) {
    if (index !== SUM_AT && index !== SUM_AT + 1) sum = (sum + byte * (index + 1)) & 0xffff;
  }
  return sum === settings.readUInt16LE(SUM_AT);
}

function chipOf(settings: Buffer): string {
  const code = settings.length > CHIP_AT ? settings.readUInt8(CHIP_AT) : 0;
  return CHIPS[code] ?? `chip ${code}`;
}

/** Each takes up whole heads, and at least one byte more than it has. */
function driverFiles(bytes: Buffer, cut: () => Problem): DriverFile[] {
  const files: DriverFile[] = [];
  for (let at = 0; at + HEAD <= bytes.length; ) {
    const name = bytes
      .subarray(at, at + SIZE_IN_HEAD)
      .toString('latin1')
      .replace(/\0.*$/s, '');
    if (!DRIVER_FILE.test(name)) break;
    const size = bytes.readUInt16LE(at + SIZE_IN_HEAD);
    at += HEAD;
    if (at + size > bytes.length) throw cut();
    files.push({ name, bytes: bytes.subarray(at, at + size) });
    at += Math.floor(size / HEAD) * HEAD + HEAD;
  }
  return files;
}
