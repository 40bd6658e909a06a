/** A CRC-32 as the contract writes it: eight lower-case hexadecimal digits. */
export function formatCrc(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}

/** A CRC-32 as S3 writes it: base64 of four bytes, big-endian. */
export function encodeCrc(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}

/** The polynomial of CRC-32 (IEEE 802.3), its bits reversed: the highest is the coefficient of x^0. */
const POLYNOMIAL = 0xedb88320;

/** The polynomial 1, and x, in the same order of bits. */
const ONE = 1 << 31;
const X = 1 << 30;

/** The product of two polynomials over GF(2), modulo that of CRC-32. */
function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) === 0 ? shifted >>> 1 : (shifted >>> 1) ^ POLYNOMIAL;
  }
  return product;
}

/** x to the power of 8 · 2^n for each n: what 2^n bytes that follow make of a sum. */
const POWERS: readonly number[] = (() => {
  const bytes = multiply(multiply(X, X), multiply(X, X));
  const powers = [multiply(bytes, bytes)];
  for (let n = 1; n < 53; n += 1) powers.push(multiply(powers[n - 1] as number, powers[n - 1] as number));
  return powers;
})();

/** x to the power of 8 · bytes; the last answer is kept, for the chunks of a transfer are mostly of one size. */
let shift = { bytes: 0, by: ONE };

function shiftOf(bytes: number): number {
  if (shift.bytes !== bytes) {
    let by = ONE;
    for (let n = 0, left = bytes; left > 0; n += 1, left = Math.floor(left / 2)) {
      if (left % 2 === 1) by = multiply(POWERS[n] as number, by);
    }
    shift = { bytes, by };
  }
  return shift.by;
}

/** The CRC-32 of two pieces of data one behind the other, from the sum of each and how many bytes the second has. */
export function combineCrc(first: number, second: number, secondBytes: number): number {
  return (multiply(shiftOf(secondBytes), first) ^ second) >>> 0;
}
