import { IncomingMessage } from 'node:http';
import { NodeHttpHandler, type NodeHttpHandlerOptions } from '@smithy/node-http-handler';
import type { Clock } from '../../../kernel/clock.ts';

type Handle = NodeHttpHandler['handle'];

interface Watch {
  readonly clock: Clock;
  /** An answer in which no byte moves for so long is given up (milliseconds). */
  readonly idleTimeoutMs: number;
}

/**
 * The SDK lets go of signal and time-outs as soon as the head of an answer is here: a document that then stops in the
 * middle would be waited for without end. Here both hold until its last byte.
 */
export class WatchfulHandler extends NodeHttpHandler {
  readonly #watch: Watch;

  constructor(options: NodeHttpHandlerOptions, watch: Watch) {
    super(options);
    this.#watch = watch;
  }

  override async handle(...[request, options]: Parameters<Handle>): ReturnType<Handle> {
    const result = await super.handle(request, options);
    const { body } = result.response;
    if (body instanceof IncomingMessage) this.#follow(body, options?.abortSignal as AbortSignal | undefined);
    return result;
  }

  #follow(body: IncomingMessage, signal: AbortSignal | undefined): void {
    const closed = new AbortController();
    const onAbort = () => body.destroy(signal?.reason instanceof Error ? signal.reason : undefined);
    body.once('close', () => {
      closed.abort();
      signal?.removeEventListener('abort', onAbort);
    });
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
    void this.#endSilence(body, closed.signal);
  }

  async #endSilence(body: IncomingMessage, closed: AbortSignal): Promise<void> {
    const { clock, idleTimeoutMs } = this.#watch;
    for (let seen = -1; !closed.aborted; ) {
      const { bytesRead } = body.socket;
      if (bytesRead === seen) {
        body.destroy(Object.assign(new Error('the answer stopped'), { code: 'ETIMEDOUT' }));
        return;
      }
      seen = bytesRead;
      await clock.sleep(idleTimeoutMs, closed).catch(() => undefined);
    }
  }
}
