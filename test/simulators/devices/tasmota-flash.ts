/** Texts in the settings, by the place that tasmota.h gives them (SettingsTextIndex). */
export const TEXT = {
  otaUrl: 0,
  ssid1: 4,
  password1: 6,
  password2: 7,
  hostname: 8,
  webPassword: 10,
  mqttHost: 12,
  mqttUser: 14,
  mqttPassword: 15,
  fullTopic: 16,
  topic: 17,
  mem1: 28,
  friendlyName1: 44,
  friendlyName2: 45,
  templateName: 71,
  deviceName: 76,
  telegramToken: 77,
} as const;

/** Behind the texts that an ESP8266 has once and an ESP32 several times. */
export const rgxPasswordIndex = (chip: number): number => (chip === 0 ? 90 : 117);

const SIZE = 4_096;
const POOL = { at: 0x017, size: 699 };
const HOLDER = 4_617;

/** The settings of a device in its memory, laid out as `TSettings` in tasmota_types.h, written without our own decoder. */
export class TasmotaSettings {
  readonly bytes = Buffer.alloc(SIZE);
  readonly texts = new Map<number, string>();

  version: number;
  readonly chip: number;

  constructor(version: number, chip: number) {
    this.version = version;
    this.chip = chip;
    this.bytes.writeUInt16LE(HOLDER, 0x000);
    this.bytes.writeUInt16LE(SIZE, 0x002);
    this.bytes.writeInt8(99, 0x016);
    this.bytes.writeUInt16LE(300, 0x2f8);
    this.bytes.writeUInt32LE(0x00008009, 0x010);
    this.bytes.writeUInt32LE(0x00000080, 0x3a0);
    this.bytes.writeUInt32LE(0x00006000, 0xef8);
    this.bytes.writeUInt32LE(0x00004000, 0xfb4);
    this.bytes.writeUInt16LE(1883, 0xefc);
  }

  rule(number: 1 | 2 | 3, text: string): void {
    const at = 0x800 + (number - 1) * 512;
    this.bytes.fill(0, at, at + 512);
    this.bytes.write(text, at, 511, 'utf8');
  }

  /** As it lies in the flash, with its sums. */
  image(): Buffer {
    const image = Buffer.from(this.bytes);
    image.writeUInt32LE(this.version, 0x008);
    image.writeUInt8(this.chip, 0xf36);
    if (this.version >= 0x08000001) this.#writeTexts(image);
    if (this.version > 0x0606000a) image.writeUInt32LE(crc(image.subarray(0, SIZE - 4)), SIZE - 4);
    else image.writeUInt16LE(sum(image), 0x00e);
    return image;
  }

  #writeTexts(image: Buffer): void {
    const last = Math.max(-1, ...this.texts.keys());
    const pool = Array.from({ length: last + 1 }, (_, index) => this.texts.get(index) ?? '').join('\0');
    image.fill(0, POOL.at, POOL.at + POOL.size);
    image.write(pool, POOL.at, POOL.size, 'utf8');
  }
}

/** settings.ino, GetCfgCrc32, bit by bit as there. */
export function crc(bytes: Uint8Array): number {
  let value = 0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  }
  return ~value >>> 0;
}

/** GetCfgCrc16. */
export function sum(bytes: Uint8Array): number {
  let value = 0;
  bytes.forEach((byte, index) => {
    if (index < 14 || index > 15) value = (value + byte * (index + 1)) & 0xffff;
  });
  return value;
}

/** SettingsBufferXor: from the third byte, or from the third one behind the head of a container. */
export function xor(bytes: Buffer): Buffer {
  const from = bytes.length > SIZE ? 18 : 2;
  return Buffer.from(bytes.map((byte, index) => (index < from ? byte : byte ^ ((0x5a + index) & 0xff))));
}

function head(name: string, size: number): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.write(name, 'latin1');
  bytes.writeUInt16LE(size, 14);
  return bytes;
}

/** SettingsConfigBackup: settings alone, or since 15 with the files of drivers. */
export function dump(image: Buffer, files: ReadonlyMap<string, Buffer>): Buffer {
  if (files.size === 0) return xor(image);
  const parts = [...files].flatMap(([name, bytes]) => {
    const room = Buffer.alloc(Math.floor(bytes.length / 16) * 16 + 16);
    bytes.copy(room);
    return [head(name, bytes.length), room];
  });
  const body = Buffer.concat([image, ...parts]);
  return xor(Buffer.concat([head('/.settings', body.length + 16), body]));
}

/** A file of a driver: its checksum, and what it keeps. */
export function driverFile(content: Buffer): Buffer {
  const bytes = Buffer.concat([Buffer.alloc(4), content]);
  bytes.writeUInt32LE(crc(content), 0);
  return bytes;
}
