import { expect, test } from 'vitest';
import { homeOf, plainAddress } from '../../../src/kernel/http/peer.ts';

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:172.30.32.2', '172.30.32.2'],
  ['::FFFF:172.30.32.2', '172.30.32.2'],
  ['::ffff:1', '::ffff:1'],
  ['2001:db8::1', '2001:db8::1'],
  [undefined, ''],
] as const)('the address %s is %s', ([address, plain]) => {
  expect(plainAddress(address)).toBe(plain);
});

test.for([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:DB8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
  ['1::2:3:4:5:6:7', '1:0:2:3'],
] as const)('%s counts as %s', ([address, home]) => {
  expect(homeOf(address)).toBe(home);
});
