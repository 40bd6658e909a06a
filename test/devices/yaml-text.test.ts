import { expect, test } from 'vitest';
import { maskedYaml } from '../../src/devices/handlers/yaml-text.ts';

/** A text with every value masked that says `hidden`. */
const masked = (text: string) => maskedYaml(text);

test.each([
  ['a plain value', 'password: hidden', 'password: ••••••'],
  ['a comment behind', 'password: hidden # of the router', 'password: ••••••'],
  ['a comment', '  # api_key: hidden', '  # api_key: ••••••'],
  ['in a list', '- ssid: home\n  password: "hid: den"', '- ssid: home\n  password: ••••••'],
  ['a quoted name', '"password": hidden', '"password": ••••••'],
  ['several lines', 'psk: |\n  hidden\n\n  hidden\nnext: 1', 'psk: ••••••\nnext: 1'],
  ['lines that go on', 'token: hidden\n   hidden\nnext: 1', 'token: ••••••\nnext: 1'],
  ['quotes over lines', 'token: "hidden\nhidden"\nnext: 1', 'token: ••••••\nnext: 1'],
  ['the next line', 'key:\n  hidden\nnext: 1', 'key:\n  ••••••\nnext: 1'],
  [
    'a list of secrets',
    'api_keys_token:\n- hidden\n- hidden\nnext: 1',
    'api_keys_token:\n- ••••••\n- ••••••\nnext: 1',
  ],
  ['a list further in', 'token:\n  - hidden\nnext: 1', 'token:\n  - ••••••\nnext: 1'],
  ['a mapping in a line', 'wifi: {ssid: home, password: "hidden"}', 'wifi: {ssid: home, password: ••••••}'],
  ['an address', 'url: http://user:hidden@host/x', 'url: http://user:••••••@host/x'],
  ['nothing of what follows', 'psk: |\n  hidden\n\n\nnext: 1\n', 'psk: ••••••\n\n\nnext: 1\n'],
  ['the last line', 'password: hidden\n', 'password: ••••••\n'],
  ['lines of DOS', 'password: hidden\r\nnext: 1\r\n', 'password: ••••••\nnext: 1\n'],
])('hides %s', (_name, text, expected) => {
  expect(masked(text)).toBe(expected);
});

test.each([
  'password: !secret wifi_password',
  'password: *same',
  'ssid: home',
  'encryption:\n  algorithm: x\nnext: 1',
  'secret_things:\n  name: x\n  - other: 1',
  'lambda: |-\n  return x ? "a:b" : "c";',
  '# a remark: with a colon',
  'a: http://host:80/path',
])('leaves alone %j', (text) => {
  expect(masked(text)).toBe(text);
});
