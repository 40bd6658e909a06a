import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Nothing that is asked for takes longer, on the slowest card; whoever waits is not left waiting (milliseconds). */
const LONGEST_MS = 30 * 60_000;

interface ChildOptions {
  /** It is ended then. */
  readonly signal?: AbortSignal;
}

/** What a child says: what came of it, or why nothing did. */
type Answer = { readonly result: unknown } | { readonly error: string };

/**
 * Has a question answered by a process of its own, which ends with it: what takes much memory or holds its process up
 * leaves ours alone. `module` calls `answerParent`.
 * @throws Error with what the child threw; the signal's reason
 */
export async function askChild<Result>(
  module: URL,
  question: unknown,
  { signal }: ChildOptions = {},
): Promise<Result> {
  signal?.throwIfAborted();
  const child = fork(fileURLToPath(module), {
    // it needs nothing of ours, and what stands there may be secret
    env: {},
    execArgv: [],
    timeout: LONGEST_MS,
    killSignal: 'SIGKILL',
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const end = () => child.kill('SIGKILL');
  signal?.addEventListener('abort', end, { once: true });
  try {
    const answered = once(child, 'message') as Promise<[Answer]>;
    const gone = once(child, 'exit').then(([code, by]) => {
      throw new Error(`the child ended without an answer (${code ?? by})`);
    });
    gone.catch(() => undefined);
    child.send({ question }, () => undefined);
    const [answer] = await Promise.race([answered, gone]);
    if ('error' in answer) throw new Error(answer.error);
    return answer.result as Result;
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}

/** In the child: answers the one question. */
export function answerParent<Question>(answer: (question: Question) => Promise<unknown>): void {
  process.once('message', ({ question }: { question: Question }) => {
    answer(question).then(
      (result) => process.send?.({ result } satisfies Answer),
      (error: unknown) =>
        process.send?.({ error: error instanceof Error ? error.message : String(error) } satisfies Answer),
    );
  });
  // a parent that was killed waits for nothing
  process.once('disconnect', () => process.exit());
}

/** The module of that name beside another one, as it runs: `.ts` from the source, `.js` from `dist`. */
export function besides(moduleUrl: string, name: string): URL {
  return new URL(`${name}${moduleUrl.slice(moduleUrl.lastIndexOf('.'))}`, moduleUrl);
}
