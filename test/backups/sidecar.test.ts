import { describe, expect, test } from 'vitest';
import { decodeSidecar, encodeSidecar } from '../../src/backups/sidecar.ts';
import { describeBackup } from '../harness/archives.ts';

const read = (document: unknown) => decodeSidecar(Buffer.from(JSON.stringify(document)));

describe('a description beside an archive', () => {
  const backup = describeBackup({ of_a_newer_home_assistant: [1, { a: 2 }] });

  test('of ours is Home Assistant’s own with one key more, and comes back whole', () => {
    const stored = {
      backup,
      crc32: '0000abcd',
      stored_at: '2026-11-20T09:00:00.000Z',
      suspect: 'other_backup',
    };
    const { homestash, ...rest } = JSON.parse(encodeSidecar(stored));
    expect(rest).toEqual(backup);
    expect(homestash).toMatchObject({ crc32: '0000abcd', size: backup.size });
    expect(decodeSidecar(Buffer.from(encodeSidecar(stored)))).toEqual(stored);
  });

  test.for([
    ['plain', backup],
    [
      'in the wrapper of Core’s backblaze_b2',
      { metadata_version: '1', backup_id: 'x', backup_metadata: backup },
    ],
    ['with a key of ours that is not readable', { ...backup, homestash: { crc32: 7 } }],
  ])('of another tool is read: %s', ([, document]) => {
    expect(read(document)).toEqual({ backup, crc32: null, stored_at: null, suspect: null });
  });

  test.for([
    ['no id', { ...backup, backup_id: undefined }],
    ['an id that is no name', { ...backup, backup_id: '../x' }],
    ['a date that is none', { ...backup, date: 'yesterday' }],
    ['a date that only JavaScript reads', { ...backup, date: 'May 1' }],
    ['a year that nobody lives to see', { ...backup, date: '+099999-01-01T00:00:00Z' }],
    ['an impossible size', { ...backup, size: -1 }],
    ['a list', [backup]],
    ['null', null],
  ])('that has %s describes no backup', ([, document]) => expect(read(document)).toBeUndefined());

  test('that nests so deep that it could not be written again describes no backup', () => {
    const text = JSON.stringify(backup);
    const nested = (depth: number) =>
      decodeSidecar(Buffer.from(`${text.slice(0, -1)},"more":${'['.repeat(depth)}${']'.repeat(depth)}}`));
    expect(nested(50)?.backup.backup_id).toBe(backup.backup_id);
    expect(nested(100_000)).toBeUndefined();
  });

  test('that is cut or no text describes no backup', () => {
    for (const data of [Buffer.from('{'), Buffer.from(''), Buffer.from([0xff, 0xfe, 0x00])]) {
      expect(decodeSidecar(data)).toBeUndefined();
    }
  });
});
