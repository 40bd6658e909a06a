import type { RunOptions } from './environment.ts';
import { askHealth } from './health.ts';
import { systemClock } from './kernel/clock.ts';
import { startCore } from './main.ts';
import { serviceManager } from './service-manager.ts';

/** Runs the core until a signal ends it, and says on stdout when it is ready. */
export async function serve(options: RunOptions): Promise<void> {
  // behind the listeners for signals: a container that is stopped while it starts would be killed after a while
  const starting = Promise.resolve().then(() => startCore(options));
  const manager = serviceManager({
    env: process.env,
    clock: systemClock,
    isWell: async () => askHealth(options.bind, Number(new URL((await starting).url).port)),
    complain: (line) => process.stderr.write(`homestash: ${line}\n`),
  });
  const stop = () => {
    void manager.stopping();
    void starting.then(
      (core) => core.stop().then(() => process.exit(0)),
      () => undefined,
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const { url, info } = await starting;
  process.stdout.write(`${JSON.stringify({ ready: true, url, version: info.version })}\n`);
  await manager.ready();
}
