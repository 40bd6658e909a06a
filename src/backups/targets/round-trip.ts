import { PROBE_STEPS, type ProbeStep } from '../../contract/index.ts';
import { isProblem } from '../../kernel/errors.ts';
import type { ProbeOutcome } from './target.ts';

/** What each step of the probe does with one kind of target. */
type RoundTrip = Readonly<Record<ProbeStep['step'], () => Promise<void>>>;

/** Runs the steps in their order and reports each; after one that a problem ended, the others are skipped. */
export async function runRoundTrip(
  steps: RoundTrip,
  onStep: (step: ProbeOutcome) => void = () => undefined,
): Promise<ProbeOutcome[]> {
  const outcomes: ProbeOutcome[] = [];
  let failed = false;
  for (const step of PROBE_STEPS) {
    const outcome: ProbeOutcome = failed
      ? { step, outcome: 'skipped', problem: null }
      : await tryStep(step, steps);
    failed ||= outcome.outcome === 'failed';
    outcomes.push(outcome);
    onStep(outcome);
  }
  return outcomes;
}

/** Whether every step went well. */
export function wentWell(outcomes: readonly ProbeOutcome[]): boolean {
  return outcomes.every(({ outcome }) => outcome === 'ok');
}

async function tryStep(step: ProbeStep['step'], steps: RoundTrip): Promise<ProbeOutcome> {
  try {
    await steps[step]();
    return { step, outcome: 'ok', problem: null };
  } catch (error) {
    if (!isProblem(error)) throw error;
    return { step, outcome: 'failed', problem: error };
  }
}
