import { readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, test } from 'vitest';
import type { ProblemDocument } from '../../src/contract/index.ts';
import { waitFor } from '../harness/wait-for.ts';
import { DEEDS, type Deed, type FaultCase } from './case.ts';
import { Scene } from './scene.ts';
import { documented, type Outcomes, tableOf } from './table.ts';

const MIB = 1024 * 1024;

/** What a process may have more after all faults than after the first: it learns, and its heap breathes. */
const MORE_DESCRIPTORS = 4;
const MORE_BYTES = 24 * MIB;

/** The deeds of one fault, each with a core of its own (milliseconds). */
const LONGEST_MS = 120_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const openDescriptors = (): number => readdirSync('/proc/self/fd').length;

function memory(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function meet(fault: FaultCase): Promise<Outcomes> {
  const outcomes = new Map<Deed, ProblemDocument | undefined>();
  const scene = await Scene.set(fault);
  try {
    for (const deed of fault.only ?? DEEDS) {
      const struck = await fault.strike(scene);
      const rules =
        typeof struck === 'function' ? [] : struck.map((rule) => scene.simulator.faults.add(rule));
      const problem = await scene.do(deed);
      const met = rules.length === 0 || rules.some(({ hits }) => hits > 0);
      scene.simulator.faults.clear();
      if (typeof struck === 'function') await struck();
      await scene.check(deed, problem);
      if (met) outcomes.set(deed, problem);
    }
  } finally {
    await scene.close();
  }
  expect(outcomes.size, 'something met the fault').toBeGreaterThan(0);
  return outcomes;
}

/** Meets each fault with each deed; what comes of it is what the document says. */
export function meetFaults(section: string, faults: readonly FaultCase[]): void {
  describe(`faults: ${section}`, () => {
    const rows = new Map<string, Outcomes>();
    let first: { descriptors: number; bytes: number } | undefined;

    for (const fault of faults) {
      test(fault.name, { timeout: LONGEST_MS }, async () => {
        rows.set(fault.name, await meet(fault));
        first ??= { descriptors: openDescriptors(), bytes: memory() };
      });
    }

    test('people are told what stands in docs/faults.md', () => {
      const table = tableOf(rows);
      expect(documented(section, table)).toBe(table);
    });

    test('memory and descriptors are where they were', async () => {
      const { descriptors, bytes } = first ?? { descriptors: 0, bytes: 0 };
      await waitFor('the descriptors', () => openDescriptors() <= descriptors + MORE_DESCRIPTORS);
      await waitFor('the memory', () => memory() <= bytes + MORE_BYTES);
    });

    afterAll(() => rows.clear());
  });
}
