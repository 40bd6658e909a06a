import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeError } from '../../src/kernel/log.ts';

test('what the system says of a file comes into the log without its name, which is a person’s', () => {
  const path = '/nowhere/in the world/My private backup.tar';
  let thrown: unknown;
  try {
    readFileSync(path);
  } catch (error) {
    thrown = new Error('a defect', { cause: error });
  }
  expect(describeError(thrown)).toBe(
    "Error: a defect <- Error: ENOENT: no such file or directory, open '/nowhere/in the world/…' [ENOENT]",
  );
  expect(describeError(thrown, 'named')).toContain(path);
});
