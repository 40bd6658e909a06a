import type { Operation, OperationState } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Clock } from '../kernel/clock.ts';
import { percentOf, Speed } from '../kernel/speed.ts';
import type { State } from '../kernel/state.ts';

interface UnderWayOptions {
  readonly bus: Bus<{ operation: Operation }>;
  readonly state: State;
  readonly clock: Clock;
}

/** A document for each operation, as long as it runs; the returned function ends it. */
export function showOperations({ bus, state, clock }: UnderWayOptions): () => void {
  const speeds = new Map<string, Speed>();
  const writer = (id: string) => state.document<OperationState>(`operations/${id}`);
  return bus.on('operation', ({ id, kind, subject, state: how, started_at, done, total }) => {
    if (how !== 'running') {
      speeds.delete(id);
      writer(id).delete();
      return;
    }
    const speed = speeds.get(id) ?? new Speed();
    speeds.set(id, speed);
    const rate = speed.see(done, clock.monotonic());
    writer(id).set({
      ...{ id, kind, subject, started_at, done, total },
      percent: percentOf(done, total),
      bytes_per_second: rate,
    });
  });
}
