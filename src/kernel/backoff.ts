interface Pauses {
  /** The pause after the first failure; each further one doubles it (milliseconds). */
  readonly first: number;
  /** No pause is longer (milliseconds). */
  readonly longest: number;
  /** From 0 to 1, so that many do not knock in step. */
  readonly random: () => number;
}

/** How long to wait after so many failures in a row: between half of the pause and all of it (milliseconds). */
export function backoff(failures: number, { first, longest, random }: Pauses): number {
  const pause = Math.min(longest, first * 2 ** Math.max(0, failures - 1));
  return pause * (0.5 + random() / 2);
}
