import type { Agent } from 'node:http';
import type { Socket } from 'node:net';

/** Whoever takes what a socket receives out of its own memory. */
export interface Sink {
  /** Where the next bytes shall be laid; never empty. */
  room(): Buffer;
  /** So many bytes were laid at the start of that room. False: nothing more is read until the intake is told to resume. */
  filled(bytes: number): boolean;
}

/** What a socket of which nobody takes the bytes is read into, as Node does by itself. */
const READ_BYTES = 64 * 1024;

const intakes = new WeakMap<Socket, Intake>();

/**
 * How a socket is read: into one buffer of its own whose bytes are copied into the stream as usual, or, once a sink
 * takes them, straight into its memory. An answer of many megabytes then passes no parser, is copied by nobody, and
 * leaves no garbage; that is two thirds of what it costs. (`onread` of net.connect and tls.connect.)
 */
export class Intake {
  readonly onread: { buffer: () => Buffer; callback: (bytes: number, buffer: Uint8Array) => boolean };
  readonly #own = Buffer.allocUnsafeSlow(READ_BYTES);
  #socket: Socket | undefined;
  #sink: Sink | undefined;

  constructor() {
    const intake = this;
    this.onread = {
      buffer: () => this.#sink?.room() ?? this.#own,
      callback(this: Socket, bytes, buffer) {
        return intake.#received(this, bytes, buffer);
      },
    };
  }

  /** Gives a sink what comes from now on. What came before is in the stream; it is to be read first. */
  give(sink: Sink): void {
    this.#sink = sink;
    this.resume();
  }

  resume(): void {
    this.#socket?.resume();
  }

  #received(socket: Socket, bytes: number, buffer: Uint8Array): boolean {
    if (this.#socket === undefined) {
      this.#socket = socket;
      intakes.set(socket, this);
    }
    const sink = this.#sink;
    if (!sink) return socket.push(Buffer.from(buffer.subarray(0, bytes)));
    if (buffer !== this.#own) return sink.filled(bytes);
    // the buffer of this read was chosen before the sink was there
    let more = true;
    for (let offset = 0; offset < bytes; ) {
      const room = sink.room();
      const copied = this.#own.copy(room, 0, offset, bytes);
      more = sink.filled(copied);
      offset += copied;
    }
    return more;
  }
}

/** Lets sinks take what the sockets of this agent receive. */
export function withIntake<Kind extends Agent>(agent: Kind): Kind {
  const create = agent.createConnection.bind(agent);
  agent.createConnection = (options, callback) =>
    create({ ...options, onread: new Intake().onread } as typeof options, callback);
  return agent;
}

/** The intake of a socket that has one and has received something. */
export function intakeOf(socket: Socket): Intake | undefined {
  return intakes.get(socket);
}
