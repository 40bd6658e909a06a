import { mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { folderTargetType } from '../../../src/backups/targets/folder/index.ts';
import type { TargetContext } from '../../../src/backups/targets/target.ts';

// What is opened behind our back is open by then.
const OPEN_BY_NOW_MS = 200;

test('a reader that leaves before the file is open leaves no open file behind', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'homestash-folder-'));
  try {
    writeFileSync(join(dir, 'a.tar'), 'bytes');
    const target = folderTargetType.open({ kind: 'folder', path: dir }, {} as TargetContext);
    const reader = new AbortController();
    const opening = Promise.allSettled(
      Array.from({ length: 20 }, () => target.open('a.tar', { signal: reader.signal })),
    );
    reader.abort(new Error('gone'));
    expect((await opening).every(({ status }) => status === 'rejected')).toBe(true);
    await sleep(OPEN_BY_NOW_MS);
    const open = readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(dir);
      } catch {
        return false;
      }
    });
    expect(open).toEqual([]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
