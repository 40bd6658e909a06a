import { describe, test } from 'vitest';
import { soak } from './soak.ts';

/** Another day, or the one that failed. Always the same where nobody asks: what fails there is what was changed. */
const SEED = Number(process.env.HOMESTASH_SOAK_SEED ?? 28);

/** A busy machine takes several times as long (milliseconds). */
const LONGEST_MS = 300_000;

describe(`24 hours, seed ${SEED}`, () => {
  test('500 backups at Amazon', { timeout: LONGEST_MS }, () =>
    soak({ profile: 'aws', backups: 500, seed: SEED }),
  );

  test('80 backups where deletions only hide', { timeout: LONGEST_MS }, () =>
    soak({ profile: 'b2', settings: { delete_versions: true }, backups: 80, seed: SEED }),
  );

  test('80 backups where all parts are equal', { timeout: LONGEST_MS }, () =>
    soak({ profile: 'r2', settings: { region: 'auto' }, backups: 80, seed: SEED }),
  );
});
