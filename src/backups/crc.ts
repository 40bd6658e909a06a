/** A CRC-32 as the contract writes it: eight lower-case hexadecimal digits. */
export function formatCrc(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}
