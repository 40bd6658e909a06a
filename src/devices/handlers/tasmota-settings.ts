import { createHash } from 'node:crypto';
import { MASK } from './json.ts';
import { type Dump, versionText } from './tasmota-dmp.ts';

const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index + 1}`);

/** All texts stand one after another in here, ended by NUL, since 8.0 (tasmota_types.h, text_pool). */
const POOL_AT = 0x017;
const POOL_END = 0x2d2;
const FIRST_WITH_POOL = 0x08000001;

/** In this order (tasmota.h, SettingsTextIndex), called as the commands that set them. An ESP32 has more of some. */
function poolNames(large: boolean, moreSwitches: boolean): string[] {
  return [
    ...['OtaUrl', 'Prefix1', 'Prefix2', 'Prefix3', 'SSId1', 'SSId2', 'Password1', 'Password2', 'Hostname'],
    ...['LogHost', 'WebPassword', 'CORS', 'MqttHost', 'MqttClient', 'MqttUser', 'MqttPassword', 'FullTopic'],
    ...['Topic', 'ButtonTopic', 'SwitchTopic', 'GroupTopic1'],
    ...numbered('StateText', 4),
    ...numbered('NtpServer', 3),
    ...numbered('Mem', 16),
    ...numbered('FriendlyName', 8),
    ...numbered('WebButton', 16),
    ...['GroupTopic2', 'GroupTopic3', 'GroupTopic4', 'TemplateName'],
    ...numbered('DevGroupName', 4),
    ...['DeviceName', 'TelegramToken', 'TelegramChatId'],
    ...numbered('AdcParam', large ? 8 : 1),
    ...numbered('SwitchText', moreSwitches ? 28 : 8),
    ...[
      'ShdParam',
      'RgxSSId',
      'RgxPassword',
      'IfxHost',
      'IfxPort',
      'IfxOrg',
      'IfxToken',
      'IfxBucket',
      'IfxRP',
    ],
    ...['Canvas', 'TelegramFingerprint'],
  ];
}

const SECRET_TEXT = /Password|Token$/;

/** More texts of switches on an ESP32 begin with this version. */
const FIRST_WITH_MORE_SWITCHES = 0x09020005;

/** Before 8.0 each has its place, and its size (bytes). */
const PLACED: readonly (readonly [string, number, number])[] = [
  ['Hostname', 0x165, 33],
  ['MqttHost', 0x1e9, 33],
  ['MqttClient', 0x20c, 33],
  ['MqttUser', 0x22d, 33],
  ['Topic', 0x26f, 33],
  ['ButtonTopic', 0x290, 33],
  ['GroupTopic1', 0x2b1, 33],
  ['FriendlyName1', 0x3ac, 33],
  ['FriendlyName2', 0x3cd, 33],
  ['FriendlyName3', 0x3ee, 33],
  ['FriendlyName4', 0x40f, 33],
  ['FullTopic', 0x558, 100],
];

/** Where a chip has it elsewhere than the ESP8266. */
const MODULE_AT: Readonly<Record<string, number>> = {
  'ESP32-S3': 0x45f,
  'ESP32-S2': 0x484,
  'ESP32-P4': 0x471,
  'ESP32-S31': 0x48d,
};

/** Chips with more pins keep the middle of their settings by another plan. */
const WIDE = ['ESP32-P4', 'ESP32-S31'];

const RULES_AT = 0x800;
const RULES_END = 0xe00;
const RULE_BYTES = 512;
const RULE_ONCE_AT = 0x4a0;

/** Places, and how many bytes. */
type Places = readonly (readonly [number, number])[];

/** What changes by itself: states, counters, energy, moments, the access point that is used just now. */
const NOISE: Places = [
  [0x2e8, 4], // power
  [0x2ec, 10], // pwm_value
  [0x314, 36], // energy of today, yesterday, total
  [0x498, 5], // light_color
  [0x49e, 1], // light_dimmer
  [0x4ca, 4], // ds3502_state
  [0x534, 4], // shutter_tilt_pos
  [0x560, 22], // pwm_value_ext
  [0x5c0, 16], // pulse_counter
  [0x73a, 1], // battery_level_percent
  [0x77c, 24], // energy_usage
  [0x7b4, 4], // energy_kWhtotal_time
  [0xe80, 4], // shutter_position
  [0xec8, 1], // sta_active
  [0xf02, 1], // sps30_inuse_hours
  [0xf09, 7], // wifi_channel, wifi_bssid
  [0xf7c, 12], // energy_kWhexport_ph
  [0xfc8, 4], // keeloq_count
  [0xfd4, 4], // bootcount_reset_time
  [0xff8, 8], // cfg_timestamp, cfg_crc32
];
/** The day of the year of the energy of today. */
const DAY: Places = [[0x3a4, 2]];
const DAY_WIDE: Places = [[0x384, 2]];
/** Where energy stood before 12.2, when it became three phases. */
const OLD_ENERGY: Places = [
  [0x370, 10],
  [0x554, 4],
  [0xf9c, 4],
];
const FIRST_WITH_PHASES = 0x0c020002;

/** Keys of radio networks and of tags. */
const SECRET: Places = [
  [0x576, 2], // pn532_pack
  [0xf20, 16], // zb_precfgkey
  [0xfbc, 12], // keeloq_master, keeloq_serial
];
const TAG_PASSWORD: Places = [[0x3a8, 4]];
const TAG_PASSWORD_WIDE: Places = [[0x388, 4]];

/** In the lower half of this byte counts which log file is written (mbflag2). */
const LOG_FILE_AT = 0xfd8;
const LOG_FILE_BITS = 0x0f;

/** What is shown byte by byte: what stands neither in the texts nor in the rules. */
const SHOWN: readonly (readonly [number, number])[] = [
  [POOL_END, RULES_AT],
  [RULES_END, 0x1000],
];
const ROW = 16;

/** Files of drivers that count by themselves: energy (3) and LoRaWAN (73). */
const COUNTING = ['/.drvset003', '/.drvset073'];
/** The first bytes of a file of a driver are its checksum. */
const FILE_CRC_BYTES = 4;
/** Enough of a digest to see that something is different (signs). */
const DIGEST = 16;

/**
 * A configuration as lines `Name: value`, called as Tasmota's commands are; what has no name here stands byte by byte
 * (`--` changes by itself, `**` is secret).
 */
export function comparableDump(dump: Dump): string {
  const { version, chip, settings, files } = dump;
  const lines = [`Version: ${versionText(version)}`, `Chip: ${chip}`, ...texts(dump), ...options(dump)];
  if (settings.length > RULES_AT) lines.push(...rules(settings));
  // before 8.0 passwords stand in between
  if (version >= FIRST_WITH_POOL) lines.push(...bytesOf(dump));
  for (const { name, bytes } of files) {
    const counts = COUNTING.includes(name);
    lines.push(
      `File ${name}: ${bytes.length} bytes${counts ? '' : `, ${digest(bytes.subarray(FILE_CRC_BYTES))}`}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

function texts({ version, chip, settings }: Dump): string[] {
  const found: [string, string][] = [];
  if (version >= FIRST_WITH_POOL) {
    const large = chip !== 'ESP8266';
    const values = settings.subarray(POOL_AT, POOL_END).toString('utf8').split('\0');
    const names = poolNames(large, large && version >= FIRST_WITH_MORE_SWITCHES);
    for (const [index, name] of names.entries()) found.push([name, values[index] ?? '']);
  } else {
    for (const [name, at, size] of PLACED) {
      const value = settings
        .subarray(at, at + size)
        .toString('utf8')
        .replace(/\0.*$/s, '');
      found.push([name, value]);
    }
  }
  return found
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}: ${SECRET_TEXT.test(name) ? MASK : concealed(oneLine(value))}`);
}

function options({ version, chip, settings }: Dump): string[] {
  const hex = (at: number) => settings.readUInt32LE(at).toString(16).toUpperCase().padStart(8, '0');
  const wide = WIDE.includes(chip);
  const lines = [
    `Module: ${settings.readUInt8(MODULE_AT[chip] ?? 0x474)}`,
    `Timezone: ${settings.readInt8(0x016)}`,
    `TelePeriod: ${settings.readUInt16LE(0x2f8)}`,
    `SetOption0-31: ${hex(0x010)}`,
    `SetOption32-49: ${settings.subarray(0x2fc, 0x30e).toString('hex').toUpperCase()}`,
    `SetOption50-81: ${hex(wide ? 0x380 : 0x3a0)}`,
  ];
  if (version < FIRST_WITH_POOL) return lines;
  lines.push(
    `SetOption82-113: ${hex(0xef8)}`,
    `SetOption114-145: ${hex(0xfb4)}`,
    `SetOption146-177: ${hex(0xf74)}`,
  );
  return [...lines, `MqttPort: ${settings.readUInt16LE(0xefc)}`];
}

/** Rules, or the script that some builds have in their place. Compressed ones are told apart, not read. */
function rules(settings: Buffer): string[] {
  const script = (settings.readUInt8(RULE_ONCE_AT) & 0x80) !== 0;
  const compressedScript = (settings.readUInt8(RULE_ONCE_AT) & 0x40) !== 0;
  const all = settings.subarray(RULES_AT, RULES_END);
  const parts: [string, Buffer, boolean][] = script
    ? [['Script', all, compressedScript]]
    : [0, 1, 2].map((index) => {
        const rule = all.subarray(index * RULE_BYTES, (index + 1) * RULE_BYTES);
        // a NUL at the beginning, and then something (xdrv_10_rules.ino, GetRule)
        return [`Rule${index + 1}`, rule, rule[0] === 0 && rule[1] !== 0];
      });
  return parts.flatMap(([name, bytes, compressed]) => {
    if (compressed) return [`${name}: compressed, ${digest(bytes)}`];
    const text = bytes.toString('utf8').replace(/\0.*$/s, '');
    if (text === '') return [];
    const steps = concealed(text)
      .replace(/\b(endon|break)\s+/gi, '$1\n')
      .split(/\r?\n/);
    return [`${name}: ${steps[0]}`, ...steps.slice(1).map((step) => `  ${step}`)];
  });
}

function bytesOf({ version, chip, settings }: Dump): string[] {
  const wide = WIDE.includes(chip);
  const shown = Array.from(settings, (byte) => byte.toString(16).toUpperCase().padStart(2, '0'));
  const logFile = (settings[LOG_FILE_AT] ?? 0) & ~LOG_FILE_BITS;
  shown[LOG_FILE_AT] = logFile.toString(16).toUpperCase().padStart(2, '0');
  const noise = [...NOISE, ...(wide ? DAY_WIDE : DAY), ...(version < FIRST_WITH_PHASES ? OLD_ENERGY : [])];
  for (const [at, count] of noise) shown.fill('--', at, at + count);
  for (const [at, count] of [...SECRET, ...(wide ? TAG_PASSWORD_WIDE : TAG_PASSWORD)]) {
    if (settings.subarray(at, at + count).some((byte) => byte !== 0)) shown.fill('**', at, at + count);
  }
  const lines: string[] = [];
  for (const [from, until] of SHOWN) {
    for (let at = from - (from % ROW); at < until; at += ROW) {
      const row = shown.slice(at, at + ROW).map((byte, index) => (at + index < from ? '--' : byte));
      if (row.some((byte) => byte !== '00' && byte !== '--')) {
        lines.push(`0x${at.toString(16).toUpperCase().padStart(3, '0')}: ${row.join(' ')}`);
      }
    }
  }
  return lines;
}

const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ');

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST);

/** Passwords in addresses, and of other devices: `WebSend [192.168.1.2,admin:secret] Power`. */
function concealed(text: string): string {
  return text
    .replace(/(\[[^\],]*,[^\]:]*:)[^\]]*\]/g, `$1${MASK}]`)
    .replace(/(:\/\/[^/\s:@]*:)[^/\s@]*@/g, `$1${MASK}@`)
    .replace(/(\bauthorization:\s*)[^\]|\r\n]*/gi, `$1${MASK}`)
    .replace(/\b((?:pass(?:word|wd)?|pwd|token|secret|(?:api)?key)=)("[^"]*"|[^&\s"';\]]*)/gi, `$1${MASK}`);
}
