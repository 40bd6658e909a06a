import type { RunOptions } from './environment.ts';
import { askHealth } from './health.ts';
import { systemClock } from './kernel/clock.ts';
import { type Core, startCore } from './main.ts';
import { serviceManager } from './service-manager.ts';

/** The same on the ports that the system gave it: who talks to it finds it there again. */
function onSamePorts(options: RunOptions, { url, ingressPort }: Core): RunOptions {
  const ingress = options.ingress && { ...options.ingress, port: ingressPort ?? options.ingress.port };
  return { ...options, port: Number(new URL(url).port), ...(ingress && { ingress }) };
}

/** Runs the core until a signal ends it, and says on stdout when it is ready. */
export async function serve(options: RunOptions): Promise<void> {
  // behind the listeners for signals: a container that is stopped while it starts would be killed after a while
  let starting = Promise.resolve().then(() => startCore(options));
  const manager = serviceManager({
    env: process.env,
    clock: systemClock,
    isWell: async () => askHealth(options.bind, Number(new URL((await starting).url).port)),
    complain: (line) => process.stderr.write(`homestash: ${line}\n`),
  });
  let ending = false;
  const stop = () => {
    ending = true;
    void manager.stopping();
    void starting.then(
      (core) => core.stop().then(() => process.exit(0)),
      () => undefined,
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  const first = await starting;
  process.stdout.write(`${JSON.stringify({ ready: true, url: first.url, version: first.info.version })}\n`);
  await manager.ready();
  // within the process: not everybody who runs it would start it again
  for (let core = first; ; core = await starting) {
    await core.outdated;
    if (ending) return;
    const outdated = core;
    starting = outdated.stop().then(() => startCore(onSamePorts(options, outdated)));
  }
}
