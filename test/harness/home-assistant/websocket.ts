import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';

// RFC 6455: opcodes, the flags beside them, and the two ways to say a longer length.
const OPCODE = { continuation: 0x0, text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;
const OPCODE_MASK = 0x0f;
const FINAL = 0x80;
const MASKED = 0x80;
const LENGTH_MASK = 0x7f;
const LENGTH_16_BITS = 126;
const LENGTH_64_BITS = 127;
const LARGEST_16_BITS = 0xffff;
const MASK_BYTES = 4;
const KEY_BYTES = 16;

interface Frame {
  final: boolean;
  opcode: number;
  payload: Buffer;
  /** Bytes that the frame took, with its header. */
  length: number;
}

/** The first frame of the bytes, or undefined while it is incomplete. A server does not mask. */
function parseFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes.readUInt8(1) & LENGTH_MASK;
  const start = short === LENGTH_16_BITS ? 4 : short === LENGTH_64_BITS ? 10 : 2;
  if (bytes.length < start) return undefined;
  const size = start === 4 ? bytes.readUInt16BE(2) : start === 10 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < start + size) return undefined;
  const first = bytes.readUInt8(0);
  return {
    final: (first & FINAL) !== 0,
    opcode: first & OPCODE_MASK,
    payload: bytes.subarray(start, start + size),
    length: start + size,
  };
}

function buildFrame(opcode: number, payload: Buffer): Buffer {
  const extended = payload.length < LENGTH_16_BITS ? 0 : payload.length <= LARGEST_16_BITS ? 2 : 8;
  const header = Buffer.alloc(2 + extended);
  header.writeUInt8(FINAL | opcode, 0);
  if (extended === 0) header.writeUInt8(MASKED | payload.length, 1);
  else header.writeUInt8(MASKED | (extended === 2 ? LENGTH_16_BITS : LENGTH_64_BITS), 1);
  if (extended === 2) header.writeUInt16BE(payload.length, 2);
  if (extended === 8) header.writeBigUInt64BE(BigInt(payload.length), 2);
  const mask = randomBytes(MASK_BYTES);
  const masked = payload.map((byte, index) => byte ^ (mask[index % MASK_BYTES] as number));
  return Buffer.concat([header, mask, masked]);
}

/**
 * A text websocket that hangs up as soon as the server wants to close. The one in Node waits for the server to end the
 * TCP connection, and Home Assistant lets every client that does so hold its stop up for ten seconds.
 */
export class TextSocket {
  readonly #socket: Socket;
  #unread: Buffer;
  #fragments: Buffer[] = [];
  onText: (text: string) => void = () => undefined;
  onClose: () => void = () => undefined;

  constructor(socket: Socket, head: Buffer) {
    this.#socket = socket;
    this.#unread = head;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => {
      this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
      this.#read();
    });
    socket.on('close', () => this.onClose());
    // 'close' follows, and is what callers hear.
    socket.on('error', () => undefined);
    // Once the caller, who awaits us, has set its listener: the greeting may have come with the upgrade.
    setImmediate(() => this.#read());
  }

  get open(): boolean {
    return this.#socket.writable;
  }

  send(text: string): void {
    this.#socket.write(buildFrame(OPCODE.text, Buffer.from(text)));
  }

  close(): void {
    if (this.open) this.#socket.end(buildFrame(OPCODE.close, Buffer.alloc(0)));
  }

  #read(): void {
    for (let frame = parseFrame(this.#unread); frame !== undefined; frame = parseFrame(this.#unread)) {
      this.#unread = this.#unread.subarray(frame.length);
      if (frame.opcode === OPCODE.close) this.close();
      else if (frame.opcode === OPCODE.ping) this.#socket.write(buildFrame(OPCODE.pong, frame.payload));
      else if (frame.opcode === OPCODE.text || frame.opcode === OPCODE.continuation) {
        this.#fragments.push(frame.payload);
        if (frame.final) {
          const text = Buffer.concat(this.#fragments).toString();
          this.#fragments = [];
          this.onText(text);
        }
      }
    }
  }
}

/** Opens a websocket to an http:// address. */
export function openTextSocket(url: string): Promise<TextSocket> {
  return new Promise((resolve, reject) => {
    const upgrade = request(url, {
      agent: false,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(KEY_BYTES).toString('base64'),
      },
    });
    upgrade.once('upgrade', (_response, socket, head) => resolve(new TextSocket(socket as Socket, head)));
    upgrade.once('response', (response) => {
      response.destroy();
      reject(new Error(`${url} answered ${response.statusCode} to a websocket`));
    });
    upgrade.once('error', reject);
    upgrade.end();
  });
}
