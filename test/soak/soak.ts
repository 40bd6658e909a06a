import { expect } from 'vitest';
import type { S3Settings } from '../../src/contract/index.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { waitFor } from '../harness/wait-for.ts';
import { type ProfileName, startS3Simulator } from '../simulators/s3/index.ts';
import { Day } from './day.ts';
import { Deeds } from './deeds.ts';
import { Dice } from './dice.ts';
import { BUCKET, Home } from './home.ts';
import { Ledger } from './ledger.ts';
import { Stock } from './stock.ts';
import { expectInOrder, memory, openDescriptors } from './verdict.ts';

const MIB = 1024 * 1024;

/** After so long the next listing sweeps what was left, also what a clock dated that was hours ahead (milliseconds). */
const SWEPT_AFTER_MS = 6 * 3_600_000;

/**
 * What the process may have more after the day than after its first hour: connections that are kept, to the store and by
 * whoever asks the core, both ends of them; and its heap breathes. Thousands of requests have come and gone.
 */
const MORE_DESCRIPTORS = 40;
const MORE_BYTES = 32 * MIB;

/** The share of backups that the day must have let through, or it was no test. */
const THROUGH = 0.6;

/** Says in the end how often what was told. */
const TELL = process.env.HOMESTASH_SOAK_TELL === '1';

interface SoakOptions {
  readonly profile: ProfileName;
  readonly settings?: Partial<S3Settings>;
  readonly backups: number;
  readonly seed: number;
}

/** 24 hours of backups at a store on which anything may go wrong; at the end all is as it was promised. */
export async function soak({ profile, settings = {}, backups, seed }: SoakOptions): Promise<void> {
  const dice = new Dice(seed);
  const clock = new IdleClock();
  const simulator = await startS3Simulator({ clock, profile, buckets: [BUCKET], seed });
  const home = await clock.during(Home.open(clock, simulator, settings));
  const ledger = new Ledger();
  const stock = new Stock(dice.of('stock'));
  const deeds = new Deeds({ home, ledger, stock, calm: () => day.calm() });
  let first = { descriptors: 0, bytes: 0 };
  const day = new Day({
    clock,
    simulator,
    home,
    deeds,
    ledger,
    dice,
    backups,
    onFirstHour: async () => {
      first = { descriptors: openDescriptors(), bytes: memory(simulator) };
    },
  });
  try {
    await clock.during(day.pass());
    expect(day.mistakes).toEqual([]);
    expect(deeds.broken).toEqual([]);

    await clock.during(clock.sleep(SWEPT_AFTER_MS));
    await clock.during(expectInOrder({ home, simulator, clock, ledger }));
    expect(await deeds.running()).toEqual([]);
    expect(home.defects).toEqual([]);
    expect(simulator.mistakes).toEqual([]);
    expect(deeds.made).toBeGreaterThan(backups * THROUGH);

    home.forgetLog();
    simulator.requests.length = 0;
    await waitFor('the descriptors', () => openDescriptors() <= first.descriptors + MORE_DESCRIPTORS);
    await waitFor('the memory', () => memory(simulator) <= first.bytes + MORE_BYTES);
    if (TELL) process.stderr.write(`seed ${seed}: ${deeds.told}\n`);
  } finally {
    await home.close();
    await simulator.stop();
  }
}
