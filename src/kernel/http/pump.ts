import type { IncomingMessage } from 'node:http';
import { Problem } from '../errors.ts';

interface PumpOptions {
  /** The client is given up when it sends nothing for so long while we are waiting for it (milliseconds). */
  readonly idleMs: number;
  readonly signal: AbortSignal;
  /** Takes a chunk; the next one comes when it resolves. The chunk may be kept. */
  readonly onChunk: (chunk: Buffer) => Promise<void>;
}

/**
 * Moves a request's body into `onChunk`, one chunk at a time, and nothing is buffered beyond the socket. The time
 * that `onChunk` takes does not count as idle. When it ends early the request is left as it is, so that an answer
 * can still be sent.
 * @throws Problem `body_cut`, `idle_timeout`; whatever `onChunk` throws; the signal's reason.
 */
export function pump(request: IncomingMessage, options: PumpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    let busy = false;
    let ended = false;
    const idle = setTimeout(() => {
      if (!busy) settle(new Problem('idle_timeout'));
    }, options.idleMs);
    const settle = (error?: unknown) => {
      clearTimeout(idle);
      request.pause();
      request.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      options.signal.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = () => settle(options.signal.reason);
    const onClose = () => {
      if (!request.complete) settle(new Problem('body_cut'));
    };
    const onEnd = () => {
      ended = true;
      if (!busy) settle();
    };
    const onData = (chunk: Buffer) => {
      busy = true;
      request.pause();
      options.onChunk(chunk).then(() => {
        busy = false;
        if (ended) settle();
        else {
          idle.refresh();
          request.resume();
        }
      }, settle);
    };
    if (options.signal.aborted) {
      onAbort();
      return;
    }
    options.signal.addEventListener('abort', onAbort, { once: true });
    request.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
    if (request.destroyed && !request.complete) onClose();
  });
}
