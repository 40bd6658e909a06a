import { expect, test } from 'vitest';
import { namesInside } from '../../../src/devices/artefacts/names.ts';
import { comparable, MASK } from '../../../src/devices/handlers/json.ts';
import { maskSecrets } from '../../../src/devices/handlers/plain.ts';

const masked = (document: unknown) =>
  JSON.parse(comparable(Buffer.from(JSON.stringify(document))) ?? 'null') as unknown;

test.each([
  ...[
    'password',
    'passwd',
    'wifi_pass',
    'pass',
    'pw',
    'user_pwd',
    'wifiPwd',
    'apPass',
    'psk',
    'wifi_psk',
    'passwort',
    'kennwort',
  ],
  ...[
    'passwords',
    'password_hash',
    'access_key',
    'accessKey',
    'auth_key',
    'encryption_key',
    'pre_shared_key',
  ],
  ...['api_key', 'apiKey', 'privateKey', 'wpa_key', 'token', 'secret', 'client_secret', 'credentials'],
])('a member called %s is masked', (name) => {
  expect(masked({ [name]: 'hush' })).toEqual({ [name]: MASK });
  expect(masked({ [name]: ['hush', { in: 'hush' }] })).toEqual({ [name]: [MASK, { in: MASK }] });
});

test.each(['name', 'bypass', 'compass', 'passive', 'key', 'keyboard', 'monkey', 'pwm', 'public_key'])(
  'a member called %s is shown',
  (name) => expect(masked({ [name]: 'seen' })).toEqual({ [name]: 'seen' }),
);

test('an empty secret and a switch are shown, and so is what is in an address but who signs in', () => {
  expect(masked({ password: '', use_token: true })).toEqual({ password: '', use_token: true });
  expect(masked({ url: 'mqtt://me:hush@box:1883/a?token=hush&b=1' })).toEqual({
    url: `mqtt://${MASK}@box:1883/a?token=${MASK}&b=1`,
  });
});

test.each(['DB_PASS=hush', 'MYSQL_PWD=hush', 'PASS=hush', 'wpa_key=hush', 'requirepass hush'])(
  '%s is masked in a text',
  (line) => expect(maskSecrets(line)).not.toContain('hush'),
);

test.each(['bypass=1', 'compass heading', 'password-authentication no', 'pwm=12'])(
  '%s is shown in a text',
  (line) => expect(maskSecrets(line)).toBe(line),
);

test('files are called inside a sealed archive as on the device, each within it, and no two the same', () => {
  expect(
    namesInside([
      '.env',
      'env',
      '灯.json',
      '光.json',
      'a b',
      'a-b',
      'A-B',
      '../../etc/x',
      '/etc/x',
      '..',
      'a\nb',
    ]),
  ).toEqual([
    ...['.env', 'env', '灯.json', '光.json', 'a b', 'a-b', 'A-B-2', 'etc/x', 'etc/x-2', 'file', 'a-b-3'],
  ]);
});
