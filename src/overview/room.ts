import { statfs } from 'node:fs/promises';
import type { Room } from './facts.ts';

/** The room on the disk that a folder lies on, as much as we may use of it. */
export async function roomIn(folder: string): Promise<Room> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { free: bavail * bsize, total: blocks * bsize };
}
