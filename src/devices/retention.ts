import type { KeepRule } from '../contract/index.ts';

const DAY_MS = 24 * 60 * 60_000;

/** So many months and years have one each where generations are kept. */
const MONTHS = 12;
const YEARS = 5;

/** Of what did not pass the check so many are kept, to be looked at. */
const KEPT_BAD = 3;

/** What retention looks at. */
interface Kept {
  readonly id: string;
  readonly made_at: number;
  readonly good: 0 | 1;
  readonly pinned: 0 | 1;
  /** Lines that are different from the one before; null where nothing was compared. */
  readonly added: number | null;
  readonly removed: number | null;
}

/**
 * Some devices write their configuration in other bytes each time, though nothing that can be shown is different. For so
 * long all of them stay, for a password may be what changed; then the newest of such a row does (milliseconds).
 */
const ALIKE_MS = 7 * DAY_MS;

/** Without those that a newer one is not different from. */
function withoutAlike(good: readonly Kept[], now: number): Kept[] {
  return good.filter(({ made_at }, index) => {
    const newer = good[index - 1];
    const alike = newer !== undefined && newer.added === 0 && newer.removed === 0;
    return !alike || made_at > now - ALIKE_MS;
  });
}

/** The newest of each period, the newest periods first. */
function newestOfEach(artefacts: readonly Kept[], period: (at: Date) => string, most: number): Kept[] {
  const found = new Map<string, Kept>();
  for (const artefact of artefacts) {
    const name = period(new Date(artefact.made_at));
    if (!found.has(name)) found.set(name, artefact);
  }
  return [...found.values()].slice(0, most);
}

/**
 * Which saved configurations of a device no rule wants any more. The newest good one and pinned ones always stay.
 * @param artefacts newest first
 */
export function expired(artefacts: readonly Kept[], keep: KeepRule, now: number): string[] {
  const good = withoutAlike(
    artefacts.filter((artefact) => artefact.good),
    now,
  );
  const bad = artefacts.filter((artefact) => !artefact.good);
  const wanted = new Set<Kept>([
    ...good.slice(0, Math.max(1, keep.last)),
    ...good.filter(({ made_at }) => made_at > now - keep.days * DAY_MS),
    ...(keep.generations
      ? [
          ...newestOfEach(good, (at) => `${at.getFullYear()}-${at.getMonth()}`, MONTHS),
          ...newestOfEach(good, (at) => `${at.getFullYear()}`, YEARS),
        ]
      : []),
    ...artefacts.filter(({ pinned }) => pinned),
    ...bad.slice(0, KEPT_BAD),
  ]);
  return artefacts.filter((artefact) => !wanted.has(artefact)).map(({ id }) => id);
}
