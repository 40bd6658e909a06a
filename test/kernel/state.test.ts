import { expect, test } from 'vitest';
import { openData } from '../../src/data.ts';
import type { Clock } from '../../src/kernel/clock.ts';
import { Revisions } from '../../src/kernel/revisions.ts';
import { Settings } from '../../src/kernel/settings.ts';
import { State, type StateDocument } from '../../src/kernel/state.ts';
import { IdleClock } from '../harness/idle-clock.ts';
import { temporaryFolder } from '../harness/temporary.ts';

async function makeState(clock: Clock = new IdleClock(), dataDir = temporaryFolder('state')) {
  const data = openData(dataDir);
  const revisions = await Revisions.open(new Settings(data.tables()));
  await data.close();
  const errors: unknown[] = [];
  return { state: new State({ clock, revisions, onError: (error) => errors.push(error) }), errors, dataDir };
}

test('a change is stamped and told at once, and what is the same is not', async () => {
  const { state } = await makeState();
  const told: [string, string | undefined][] = [];
  state.watch((name, document) => told.push([name, document?.text]));
  const drive = state.document<{ disc: string | null }>('discs/drive');
  drive.set({ disc: null });
  drive.set({ disc: null });
  drive.set({ disc: 'Holidays' });
  drive.delete();
  drive.delete();
  expect(told.map(([name]) => name)).toEqual(['discs/drive', 'discs/drive', 'discs/drive']);
  const [first, second] = told.map(([, text]) => JSON.parse(text ?? 'null'));
  expect(first).toEqual({ revision: expect.any(Number), changed_at: expect.any(String), disc: null });
  expect(second).toMatchObject({ disc: 'Holidays' });
  expect(second.revision).toBeGreaterThan(first.revision);
  expect(told[2]).toEqual(['discs/drive', undefined]);
  expect(state.all()).toEqual([]);
});

test('what was written is not changed by whoever wrote it', async () => {
  const { state } = await makeState();
  const value = { names: ['a'] };
  state.document<typeof value>('list').set(value);
  value.names.push('b');
  expect(JSON.parse(state.get('list')?.text ?? '')).toMatchObject({ names: ['a'] });
});

test('numbers grow from one start to the next, and time does not run backwards', async () => {
  const clock = new IdleClock();
  const first = await makeState(clock);
  const stamp = ({ text }: StateDocument) => JSON.parse(text) as { revision: number; changed_at: string };
  const thing = first.state.document<{ n: number }>('thing');
  thing.set({ n: 1 });
  const before = stamp(first.state.get('thing') as StateDocument);
  clock.setBack(3_600_000);
  thing.set({ n: 2 });
  expect(stamp(first.state.get('thing') as StateDocument).changed_at >= before.changed_at).toBe(true);
  const next = await makeState(clock, first.dataDir);
  next.state.document<{ n: number }>('thing').set({ n: 1 });
  expect(stamp(next.state.get('thing') as StateDocument).revision).toBeGreaterThan(before.revision + 1);
});

test('a watcher that throws disturbs neither the writer nor the others', async () => {
  const { state, errors } = await makeState();
  const heard: string[] = [];
  state.watch(() => {
    throw new Error('broken');
  });
  const end = state.watch((name) => heard.push(name));
  state.document<{ n: number }>('a').set({ n: 1 });
  end();
  state.document<{ n: number }>('a').set({ n: 2 });
  expect(heard).toEqual(['a']);
  expect(errors).toHaveLength(2);
});

test.for(['../a', 'a/../b', '/a', 'a//b', 'A', 'a b', 'a.b', '', 'a/'])('%j is no name', async (name) => {
  const { state } = await makeState();
  expect(() => state.document(name)).toThrow(RangeError);
});
