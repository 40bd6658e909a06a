import { randomBytes } from 'node:crypto';

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** 16 characters of 5 bits: 80 random bits, enough that two never meet in one home. */
const ID_LENGTH = 16;

/** A new random id of lower-case letters and digits; it may name files. */
export function newId(): string {
  return Array.from(randomBytes(ID_LENGTH), (byte) => ALPHABET[byte & 31]).join('');
}
