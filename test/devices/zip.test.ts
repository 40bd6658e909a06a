import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkZip, withZipFile, zipBytes, zipEntries, zipInMemory } from '../../src/devices/artefacts/zip.ts';
import { haveReferees, referee } from '../harness/referee.ts';
import { temporaryFolder } from '../harness/temporary.ts';

// Python's own library makes them: none of our code has a say in what an archive is
const MAKE = `
import sys, zipfile
folder = sys.argv[1]
def archive(name, **options):
    return zipfile.ZipFile(f"{folder}/{name}.zip", "w", **options)
with archive("plain", compression=zipfile.ZIP_DEFLATED) as z:
    z.writestr("metadata.json", '{"version": 1}')
    z.mkdir("folder")
    z.writestr("folder/größe.txt", "ä" * 100_000)
    z.writestr("empty", "")
    z.comment = b"a remark with PK\\x05\\x06 in it"
with archive("stored") as z:
    z.writestr("one", "1" * 70_000)
with archive("wide", compression=zipfile.ZIP_DEFLATED) as z:
    with z.open("streamed", "w", force_zip64=True) as one:
        one.write(b"s" * 5_000)
class Pipe:
    def __init__(self, path): self.file = open(path, "wb")
    def write(self, data): return self.file.write(data)
    def flush(self): self.file.flush()
with zipfile.ZipFile(Pipe(f"{folder}/piped.zip"), "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("a", "a" * 1_000)
with archive("bzip2", compression=zipfile.ZIP_BZIP2) as z:
    z.writestr("a", "a")
with archive("many") as z:
    for number in range(70_000): z.writestr(zipfile.ZipInfo(str(number)), b"")
`;

describe.runIf(haveReferees())('archives that Python made', () => {
  const folder = temporaryFolder('zip');
  const bytesOf = (name: string) => readFileSync(join(folder, `${name}.zip`));
  const inMemory = (name: string) => zipInMemory(`${name}.zip`, bytesOf(name));
  beforeAll(async () => {
    await referee(MAKE, [folder]);
  });

  test('are listed and unpacked', async () => {
    const source = inMemory('plain');
    const entries = await checkZip(source);
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ['metadata.json', 14],
      ['folder/größe.txt', 200_000],
      ['empty', 0],
    ]);
    const [first, second] = entries;
    if (!first || !second) throw new Error('too few');
    expect((await zipBytes(source, first, 100)).toString()).toBe('{"version": 1}');
    await expect(zipBytes(source, second, 1_000)).rejects.toMatchObject({ code: 'artefact_wrong' });
  });

  test('are read from the disk in pieces', async () => {
    const path = join(folder, 'stored.zip');
    const one = { name: 'stored.zip', path, size: statSync(path).size };
    await expect(withZipFile(one, checkZip)).resolves.toMatchObject([
      { name: 'one', size: 70_000, method: 0 },
    ]);
  });

  test('with fields of 64 bits, streamed, and with more than 65,535 files are read', async () => {
    await expect(checkZip(inMemory('wide'))).resolves.toMatchObject([{ size: 5_000 }]);
    await expect(checkZip(inMemory('piped'))).resolves.toMatchObject([{ size: 1_000 }]);
    expect((await zipEntries(inMemory('many'))).length).toBe(70_000);
  });

  test('of an unknown compression are refused', async () => {
    await expect(checkZip(inMemory('bzip2'))).rejects.toMatchObject({ code: 'artefact_wrong' });
  });

  test('are never good when a piece of the end is missing', async () => {
    const whole = bytesOf('plain');
    for (let length = whole.length - 1; length > 0; length -= 7) {
      const code = length < 4 ? 'artefact_wrong' : 'artefact_cut';
      await expect(checkZip(zipInMemory('cut.zip', whole.subarray(0, length)))).rejects.toMatchObject({
        code,
      });
    }
  });

  test('are never good with a wrong bit in what they hold, and end in a problem with one anywhere', async () => {
    const whole = bytesOf('wide');
    const [entry] = await zipEntries(zipInMemory('wide.zip', whole));
    if (!entry) throw new Error('none');
    const begin =
      entry.offset + 30 + whole.readUInt16LE(entry.offset + 26) + whole.readUInt16LE(entry.offset + 28);
    const inside = (at: number) => at >= begin && at < begin + entry.packed;
    for (let at = 0; at < whole.length; at += 1) {
      const spoilt = Buffer.from(whole);
      spoilt.writeUInt8(whole.readUInt8(at) ^ 0x10, at);
      const source = zipInMemory('spoilt.zip', spoilt);
      const result = await checkZip(source).catch((error: unknown) => error);
      if (!Array.isArray(result)) {
        expect(result).toHaveProperty('code', expect.stringMatching(/^artefact_(cut|wrong)$/));
      } else if (result[0] && inside(at)) {
        // the last byte of what is deflated has bits that say nothing
        expect((await zipBytes(source, result[0], 5_000)).toString(), `byte ${at}`).toBe('s'.repeat(5_000));
      }
    }
  });
});

test('what is no archive is refused', async () => {
  for (const content of ['', 'PK', 'PK\u0003\u0004', '<html></html>', 'x'.repeat(100)]) {
    const result = checkZip(zipInMemory('other.zip', Buffer.from(content)));
    await expect(result).rejects.toMatchObject({ code: expect.stringMatching(/^artefact_(cut|wrong)$/) });
  }
});
