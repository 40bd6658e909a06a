import { makeArchive } from '../harness/archives.ts';
import type { Dice } from './dice.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** The id in the archives of the stock; each that is taken from it gets its own. */
const BLANK_ID = '00000000';

/** How many archives of each size there are (smallest and largest in bytes). */
const SHELVES = {
  small: { count: 6, least: 100 * KIB, most: 400 * KIB },
  usual: { count: 4, least: 400 * KIB, most: 2 * MIB },
  large: { count: 3, least: 8.5 * MIB, most: 20 * MIB },
} as const;

/** Most are small, so that a day of them passes quickly; the large ones go in several parts. */
const SHARES = { small: 80, usual: 17, large: 3 };

/** The first bytes of the content, by which every archive is another one. */
const STAMP = /^\d+$/;

/** An archive that is made again whenever it is wanted, so that nobody needs to keep it. */
export interface Archive {
  readonly size: number;
  bytes(): Buffer;
}

/** Archives made by GNU tar, each time with another id and other content. */
export class Stock {
  readonly #templates: ReadonlyMap<string, readonly Buffer[]>;
  #taken = 0;

  constructor(dice: Dice) {
    this.#templates = new Map(
      Object.entries(SHELVES).map(([name, { count, least, most }]) => [
        name,
        Array.from({ length: count }, () => makeArchive(BLANK_ID, dice.whole(least, most))),
      ]),
    );
  }

  take(backupId: string, dice: Dice): Archive {
    const template = dice.pick(this.#templates.get(dice.weighted(SHARES)) ?? []);
    this.#taken += 1;
    const stamp = String(this.#taken).padStart(12, '0');
    if (!STAMP.test(stamp) || backupId.length !== BLANK_ID.length) throw new Error('does not fit');
    return {
      size: template.length,
      bytes: () => {
        const bytes = Buffer.from(template);
        bytes.write(backupId, bytes.indexOf(BLANK_ID, 512));
        // one near the beginning, one in the middle, where a part of an older upload would show
        bytes.write(stamp, 2048);
        bytes.write(stamp, Math.floor(bytes.length / 2));
        return bytes;
      },
    };
  }
}
