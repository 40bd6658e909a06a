import { hostname, networkInterfaces } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { Id } from './contract/index.ts';
import { newId } from './kernel/ids.ts';
import { type Portable, portable } from './kernel/portable.ts';
import { Settings } from './kernel/settings.ts';

const Instance = v.object({ id: Id, name: v.string() });
type Instance = v.InferOutput<typeof Instance>;

const Listener = v.object({ url: v.string() });

/** Who this core is. Made at the first start and never changed; `fresh` tells that it was just made. */
export async function openInstance(settings: Settings): Promise<{ instance: Instance; fresh: boolean }> {
  const known = await settings.read('instance', Instance);
  if (known) return { instance: known, fresh: false };
  const instance = { id: newId(), name: 'Homestash' };
  await settings.write('instance', instance);
  return { instance, fresh: true };
}

/** Who this core is: on another box the same one for all who know it. */
export const portableInstance: Portable = portable({
  name: 'instance',
  schema: Instance,
  read: (tables) => new Settings(tables()).read('instance', Instance),
  write: async (instance, tables) => {
    const settings = new Settings(tables());
    if (isDeepStrictEqual(await settings.read('instance', Instance), instance)) return false;
    await settings.write('instance', instance);
    return true;
  },
});

/** The address under which others reach a core that listens there, as far as it can know. */
export function reachableUrl(bind: string, port: number): string {
  const everywhere = bind === '0.0.0.0' || bind === '::';
  const host = everywhere ? (lanAddress() ?? hostname()) : bind;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function lanAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find((address) => !address.internal && address.family === 'IPv4')?.address;
}

/** Whether anybody but this machine reaches a core that listens there. */
export function reachableByOthers(bind: string): boolean {
  return !/^(127\.|::1$|localhost$)/.test(bind);
}

/** Leaves the address where `pair` finds it. */
export async function rememberUrl(settings: Settings, url: string): Promise<void> {
  await settings.write('listener', { url });
}

/** The address that was left last; undefined before the first start. */
export async function recallUrl(settings: Settings): Promise<string | undefined> {
  return (await settings.read('listener', Listener))?.url;
}
