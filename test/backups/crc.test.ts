import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { combineCrc, formatCrc } from '../../src/backups/crc.ts';

test.for([
  [0, 0],
  [0, 5],
  [5, 0],
  [1, 1],
  [100, 65_536],
  [65_536, 3],
  [1_000_000, 777_777],
])('the sum of %d and %d bytes is that of both', ([one, other]) => {
  const [first, second] = [randomBytes(one as number), randomBytes(other as number)];
  expect(combineCrc(crc32(first), crc32(second), second.length)).toBe(crc32(Buffer.concat([first, second])));
});

test('sums of many pieces add up, of whatever sizes', () => {
  const data = randomBytes(300_000);
  let sum = 0;
  for (let at = 0, size = 1; at < data.length; at += size, size = (size * 7) % 8_191) {
    const piece = data.subarray(at, at + size);
    sum = combineCrc(sum, crc32(piece), piece.length);
  }
  expect(sum).toBe(crc32(data));
});

test('sums of gigabytes add up in whatever order', () => {
  const gibibyte = 2 ** 30;
  // of zeros, by doubling
  let zeros = crc32(Buffer.alloc(1));
  for (let bytes = 1; bytes < gibibyte; bytes *= 2) zeros = combineCrc(zeros, zeros, bytes);
  const three = combineCrc(combineCrc(zeros, zeros, gibibyte), zeros, gibibyte);
  const before = combineCrc(
    combineCrc(crc32('a'), zeros, gibibyte),
    combineCrc(zeros, zeros, gibibyte),
    2 * gibibyte,
  );
  expect(combineCrc(crc32('a'), three, 3 * gibibyte)).toBe(before);
});

test('is written with eight digits', () => {
  expect(formatCrc(0xab)).toBe('000000ab');
  expect(formatCrc(-1)).toBe('ffffffff');
});
