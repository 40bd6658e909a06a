import { isUtf8 } from 'node:buffer';
import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import type { DeviceHttp } from '../http/client.ts';

/** A frame that answers a call, and what stands for one where no method is found (Shelly's RPC protocol). */
const Frame = v.union([
  v.object({ error: v.object({ code: v.number(), message: v.string() }) }),
  v.object({ result: v.unknown() }),
  v.object({ code: v.number(), message: v.string() }),
]);

/** Statuses with which a frame may come. */
const ANSWERS = [200, 400, 404, 500, 503];

/** Enough of its words to know why. */
const REASON_LENGTH = 100;

/** Calls of methods of a device of the second generation or later, by `POST /rpc`. */
export class ShellyRpc {
  readonly #http: DeviceHttp;
  #calls = 0;

  constructor(http: DeviceHttp) {
    this.#http = http;
  }

  /**
   * Calls a method. What it returns is read with `schema`.
   * @throws Problem `device_failed` with the words of the device where it refuses, `device_unexpected` for other answers
   */
  async call<Result>(
    method: string,
    schema: v.GenericSchema<unknown, Result>,
    params?: object,
  ): Promise<Result> {
    return this.#read(method, schema, await this.#ask(method, params), 'utf8');
  }

  /**
   * The same for a method whose strings are pieces of a text that may be cut within a character, which makes them no UTF-8.
   * Their encoding comes with the result.
   */
  async pieces<Result>(
    method: string,
    schema: v.GenericSchema<unknown, Result>,
    params: object,
  ): Promise<{ readonly result: Result; readonly encoding: 'utf8' | 'latin1' }> {
    const answer = await this.#ask(method, params);
    const encoding = isUtf8(answer) ? 'utf8' : 'latin1';
    return { result: this.#read(method, schema, answer, encoding), encoding };
  }

  /** An answer that is not what the documentation says. */
  unexpected(reason: string): Problem {
    return new Problem('device_unexpected', { params: { host: this.#http.host, reason } });
  }

  async #ask(method: string, params: object | undefined): Promise<Buffer> {
    this.#calls += 1;
    const body = JSON.stringify({ id: this.#calls, src: 'homestash', method, ...(params && { params }) });
    const request = {
      method: 'POST',
      path: '/rpc',
      type: 'application/json',
      body,
      accept: ANSWERS,
    } as const;
    return (await this.#http.ask(request)).bytes();
  }

  #read<Result>(
    method: string,
    schema: v.GenericSchema<unknown, Result>,
    answer: Buffer,
    encoding: 'utf8' | 'latin1',
  ): Result {
    const frame = v.safeParse(v.pipe(v.string(), v.parseJson(), Frame), answer.toString(encoding));
    if (!frame.success) throw this.unexpected(`${method}: no frame`);
    if (!('result' in frame.output)) {
      const { code, message } = 'error' in frame.output ? frame.output.error : frame.output;
      const reason = `${method}: ${message.slice(0, REASON_LENGTH)} (${code})`;
      throw new Problem('device_failed', { params: { host: this.#http.host, reason } });
    }
    const result = v.safeParse(schema, frame.output.result);
    if (!result.success) throw this.unexpected(method);
    return result.output;
  }
}
