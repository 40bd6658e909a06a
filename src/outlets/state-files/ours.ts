import { open } from 'node:fs/promises';

/** What each of our files begins with. */
const BEGINNING = '{"revision":';

/** Whether a file was written by us: somebody may have named a folder in which other things lie, too. */
export async function isOurs(path: string): Promise<boolean> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BEGINNING.length), 0, BEGINNING.length, 0);
    return BEGINNING.startsWith(buffer.toString('latin1', 0, bytesRead));
  } finally {
    await file.close();
  }
}
