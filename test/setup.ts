import { afterAll } from 'vitest';
import { removeAllTemporary } from './harness/temporary.ts';

// A machine without the workspace's Node would silently run the tests on an older one.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  throw new Error(
    `Node ${process.versions.node} is too old; run script/bootstrap node and use node_modules/.bin/node`,
  );
}

// behind what the file itself does at its end
afterAll(removeAllTemporary);
