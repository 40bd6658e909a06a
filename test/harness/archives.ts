import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { AgentBackup, UploadSum } from '../../src/contract/index.ts';

export interface MadeBackup {
  readonly backup: AgentBackup;
  readonly archive: Buffer;
}

/** Size and CRC-32 as the contract writes them. */
export function sumOf(data: Buffer): UploadSum {
  return { size: data.length, crc32: crc32(data).toString(16).padStart(8, '0') };
}

let serial = 0;

/** A backup as Home Assistant describes it. */
export function describeBackup(change: Partial<AgentBackup> = {}): AgentBackup {
  serial += 1;
  return {
    addons: [],
    backup_id: randomBytes(4).toString('hex'),
    date: `2026-11-20T10:${String(serial % 60).padStart(2, '0')}:00.000000+01:00`,
    database_included: true,
    extra_metadata: { instance_id: 'test' },
    folders: [],
    homeassistant_included: true,
    homeassistant_version: '2026.11.0',
    name: `Backup ${serial}`,
    protected: false,
    size: 0,
    ...change,
  };
}

/** An archive made by GNU tar: a description of the backup and a file of random bytes. */
export function makeArchive(
  backupId: string,
  contentBytes = 100_000,
  options: readonly string[] = [],
): Buffer {
  const dir = mkdtempSync(join(tmpdir(), 'homestash-archive-'));
  try {
    writeFileSync(join(dir, 'backup.json'), JSON.stringify({ slug: backupId }));
    writeFileSync(join(dir, 'homeassistant.tar'), randomBytes(contentBytes));
    execFileSync('tar', [
      ...options,
      '-C',
      dir,
      '-cf',
      join(dir, 'a.tar'),
      './backup.json',
      './homeassistant.tar',
    ]);
    return readFileSync(join(dir, 'a.tar'));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** A backup with its archive. */
export function makeBackup(change: Partial<AgentBackup> = {}, contentBytes?: number): MadeBackup {
  const backup = describeBackup(change);
  const archive = makeArchive(backup.backup_id, contentBytes);
  return { backup: { ...backup, size: archive.length }, archive };
}
