import { statSync } from 'node:fs';

/**
 * Started as root, the program becomes the owner of its data, where that is somebody else: a container needs no entry
 * script for it, and a command that a person runs with sudo leaves no files that the running core may not touch. Under
 * the Supervisor the data belongs to root, and so does the program.
 */
export function becomeOwnerOf(folder: string): void {
  if (process.getuid?.() !== 0) return;
  const owner = statSync(folder, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return;
  const groups = process.getgroups?.() ?? [];
  // groups that the container was given for its folders stay
  process.setgroups?.(groups.filter((group) => group !== 0));
  process.setgid?.(owner.gid);
  process.setuid?.(owner.uid);
}
