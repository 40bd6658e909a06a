import { Problem } from '../kernel/errors.ts';
import { keptProblem } from '../kernel/kept-problem.ts';
import { overdueAfter, seedOf } from './schedule.ts';
import { planOf } from './settings.ts';
import type { DeviceRow, DeviceStore } from './store.ts';

/** A device that is not being backed up, and why. */
export interface FailingDevice {
  readonly name: string;
  readonly problem: Problem;
}

/** Devices that need a person. */
export type FailingDevices = readonly FailingDevice[];

/** A device is switched off for a weekend: that is no reason to call somebody, whatever its schedule (milliseconds). */
const PATIENCE_MS = 3 * 24 * 60 * 60_000;

/** Whether a device needs a person: nobody tries it any more, or it has failed for longer than its schedule explains. */
export function needsPerson(row: DeviceRow, now: number): boolean {
  if (row.given_up === 1) return true;
  if (row.problem === null) return false;
  const since = row.backed_up_at ?? row.created_at;
  const patience = overdueAfter(planOf(row), seedOf(row.id), now);
  return patience !== undefined && now - since > Math.max(patience, PATIENCE_MS);
}

/** The devices that are not being backed up, in the order of their names. */
export async function failingDevices(store: DeviceStore, now: number): Promise<FailingDevices> {
  const rows = await store.devices();
  return rows
    .filter((row) => needsPerson(row, now))
    .map((row) => ({ name: row.name, problem: keptProblem(row.problem) ?? new Problem('device_timeout') }));
}
