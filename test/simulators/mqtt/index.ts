import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { generate, parser } from 'mqtt-packet';
import type { ServerCertificate } from '../s3/certificates.ts';

const LOCALHOST = '127.0.0.1';

/** CONNACK of MQTT 3.1.1: this version of the protocol is not known here (table 3.1). */
const UNKNOWN_VERSION = Buffer.from([0x20, 0x02, 0x00, 0x01]);
const VERSION_3_1_1 = 4;
const PROTOCOL_NAME = Buffer.from('MQTT');

/** What a stand-in does with each connection. */
type Behaviour = (socket: Socket) => void;

/** A server in the place of a broker, which does what no real one can be had for. */
export class OddBroker {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #scheme: string;

  constructor(behave: Behaviour, certificate?: ServerCertificate) {
    const serve = (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
      behave(socket);
    };
    this.#server = certificate
      ? createTlsServer({ key: certificate.key, cert: certificate.cert }, serve)
      : createServer(serve);
    this.#scheme = certificate ? 'mqtts' : 'mqtt';
  }

  async start(): Promise<this> {
    this.#server.listen(0, LOCALHOST);
    await once(this.#server, 'listening');
    return this;
  }

  get url(): string {
    return `${this.#scheme}://${this.address}`;
  }

  get address(): string {
    return `${LOCALHOST}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#sockets.size;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Accepts every connection and never says a word. */
export const silent: Behaviour = (socket) => socket.resume();

/** Ends every connection as soon as something is said. */
export const hangsUp: Behaviour = (socket) => socket.once('data', () => socket.destroy());

/** Speaks something else. */
export const speaksHttp: Behaviour = (socket) =>
  socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n'));

/** The version that the first packet of a connection asks for (MQTT 5, section 3.1.2). */
function versionOf(packet: Buffer): number | undefined {
  const at = packet.indexOf(PROTOCOL_NAME);
  return at < 0 ? undefined : packet[at + PROTOCOL_NAME.length];
}

/** Hands a connection to a real broker, with what was said already. */
function handOver(socket: Socket, port: number, said: Buffer): void {
  const broker = connect(port, LOCALHOST);
  broker.on('error', () => socket.destroy());
  broker.on('close', () => socket.destroy());
  socket.on('close', () => broker.destroy());
  broker.write(said);
  socket.pipe(broker).pipe(socket);
}

/** CONNACK of MQTT 5: welcome (section 3.2). */
const WELCOME = Buffer.from([0x20, 0x03, 0x00, 0x00, 0x00]);

/** Welcomes everybody, and never answers again. */
export const welcomesAndIsSilent: Behaviour = (socket) => {
  socket.once('data', () => socket.write(WELCOME));
  socket.resume();
};

/** A real broker at the end of a line on which every piece takes its time (milliseconds). */
export function slowly(port: number, ms: number): Behaviour {
  return (socket) => {
    const broker = connect(port, LOCALHOST);
    broker.on('error', () => socket.destroy());
    broker.on('close', () => socket.destroy());
    socket.on('close', () => broker.destroy());
    const late = (to: Socket) => (piece: Buffer) => {
      setTimeout(() => to.writable && to.write(piece), ms).unref();
    };
    socket.on('data', late(broker));
    broker.on('data', late(socket));
  };
}

/** Of MQTT 5 (section 3.4.2.1). */
const QUOTA_EXCEEDED = 0x97;

/** Welcomes everybody, and has no room for any message: each is refused by its code. */
export function full(): Behaviour {
  return (socket) => {
    const packets = parser({ protocolVersion: 5 });
    packets.on('packet', (packet) => {
      if (packet.cmd === 'connect') socket.write(WELCOME);
      if (packet.cmd !== 'publish') return;
      const refusal = {
        cmd: 'puback',
        messageId: packet.messageId ?? 0,
        reasonCode: QUOTA_EXCEEDED,
      } as const;
      socket.write(generate(refusal, { protocolVersion: 5 }));
    });
    socket.on('data', (piece: Buffer) => packets.parse(piece));
  };
}

/** Lets everybody through to a real broker: who is cut off here has vanished without a word there. */
export function passesOn(port: number): Behaviour {
  return (socket) => socket.once('data', (packet: Buffer) => handOver(socket, port, packet));
}

/**
 * Lets through to a real broker whoever speaks MQTT 3.1.1, and knows nothing newer: it says so as the older standard
 * wants it, or only hangs up, as some do.
 */
export function knowsOnly311(port: number, how: 'says so' | 'hangs up'): Behaviour {
  return (socket) =>
    socket.once('data', (packet: Buffer) => {
      if (versionOf(packet) === VERSION_3_1_1) handOver(socket, port, packet);
      else if (how === 'says so') socket.end(UNKNOWN_VERSION);
      else socket.end();
    });
}
