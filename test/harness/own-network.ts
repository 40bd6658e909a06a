import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

/** The addresses that the machine has in a network of its own. */
export const OWN_ADDRESSES = ['10.55.0.1', '10.55.0.2'] as const;

/** A network device that leads nowhere: what is said to all is heard by those who are on the same machine. */
const SET_UP = [
  'ip link set lo up',
  'ip tuntap add home0 mode tap',
  ...OWN_ADDRESSES.map((address) => `ip addr add ${address}/24 dev home0`),
  'ip link set home0 up multicast on',
  'ip route add default dev home0',
].join(' && ');

const unshare = (): string[] => ['--net', ...(process.getuid?.() === 0 ? [] : ['--map-root-user'])];

/** Can this machine make networks? That takes root or namespaces of users, the program `ip`, and a kernel with TAP. */
export function haveOwnNetwork(): boolean {
  if (!existsSync('/dev/net/tun')) return false;
  try {
    execFileSync('unshare', [...unshare(), 'sh', '-c', SET_UP], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a script of Node in a network of its own, which goes with it. Returns what it writes as JSON. */
export async function inOwnNetwork(
  script: string,
  words: readonly string[],
  timeoutMs: number,
): Promise<unknown> {
  const args = [...unshare(), 'sh', '-c', `${SET_UP} && exec "$@"`, 'sh', process.execPath, script, ...words];
  const { stdout } = await promisify(execFile)('unshare', args, {
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  return JSON.parse(stdout);
}
