import { seededRandom } from '../simulators/s3/index.ts';

/** Mixes a text into a seed (FNV-1a). */
function mixed(seed: number, text: string): number {
  let hash = (seed ^ 0x811c9dc5) >>> 0;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

/** Chances that are the same for the same seed. */
export class Dice {
  readonly #seed: number;
  readonly #random: () => number;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = seededRandom(seed);
  }

  /** Dice of their own for something that has a name: what comes does not depend on what others threw before. */
  of(name: string): Dice {
    return new Dice(mixed(this.#seed, name));
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  /** From `low` up to and without `high`. */
  between(low: number, high: number): number {
    return low + this.#random() * (high - low);
  }

  whole(low: number, high: number): number {
    return Math.floor(this.between(low, high));
  }

  pick<Item>(items: readonly Item[]): Item {
    if (items.length === 0) throw new Error('nothing to pick from');
    return items[this.whole(0, items.length)] as Item;
  }

  /** One of the names, each as often as its number says. */
  weighted<Name extends string>(weights: Readonly<Record<Name, number>>): Name {
    const names = Object.keys(weights) as Name[];
    let left = this.between(
      0,
      names.reduce((sum, name) => sum + weights[name], 0),
    );
    for (const name of names) {
      left -= weights[name];
      if (left < 0) return name;
    }
    return names.at(-1) as Name;
  }

  shuffled<Item>(items: readonly Item[]): Item[] {
    const left = [...items];
    return items.map(() => left.splice(this.whole(0, left.length), 1)[0] as Item);
  }
}
