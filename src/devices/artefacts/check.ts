import { open } from 'node:fs/promises';
import { Problem } from '../../kernel/errors.ts';
import type { DeviceHandler, SavedFile } from '../handler.ts';
import { looksLikePage } from '../http/client.ts';
import type { Settings } from '../settings.ts';
import { savedFiles } from './saved.ts';

/** A page says what it is at its beginning (bytes). */
const HEAD_BYTES = 2_048;

async function headOf(file: SavedFile): Promise<string> {
  const handle = await open(file.path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.subarray(0, bytesRead).toString('latin1');
  } finally {
    await handle.close();
  }
}

/** Whether what was fetched is good, first by what holds for all kinds. @throws Problem `artefact_…` or `device_nothing` */
export async function checkFiles(
  handler: DeviceHandler,
  files: readonly SavedFile[],
  { settings, host }: { settings: Settings; host: string },
): Promise<void> {
  if (files.length === 0) throw new Problem('device_nothing', { params: { host } });
  for (const file of files) {
    if (file.size === 0) throw new Problem('artefact_empty', { params: { file: file.name } });
    if (!handler.pages && looksLikePage(await headOf(file))) {
      throw new Problem('artefact_page', { params: { file: file.name } });
    }
  }
  await handler.validate(savedFiles(files), settings as never);
}
