import { expect, test } from 'vitest';
import { scrub } from '../../src/kernel/scrub.ts';

test.for([
  ['https://a:b@host/x', 'https://***@host/x'],
  ['see mqtts://user:p%40ss@broker:8883 there', 'see mqtts://***@broker:8883 there'],
  ['https://s3/x?X-Amz-Signature=abc&list-type=2#f', 'https://s3/x?X-Amz-Signature=***&list-type=***#f'],
  ['hs_abc_DEF-123 and hs_', '*** and hs_'],
  ['Authorization: Bearer abcdefgh.ijk', 'Authorization: Bearer ***'],
  ['-----BEGIN EC PRIVATE KEY-----\nMHc\n-----END EC PRIVATE KEY-----\n', '***\n'],
  ['age-secret-key-1qqq', '***'],
  ['nothing: 12:30, a@b.example, what?', 'nothing: 12:30, a@b.example, what?'],
] as const)('%j is shown as %j', ([text, shown]) => expect(scrub(text)).toBe(shown));

test('what is named as a secret is hidden at any depth, and what is empty is shown as empty', () => {
  const document = {
    code: 'target_dns',
    list: [
      { secret_key: 'a', proxy_password: '', username: 'b', token: { used: true }, key: 'backups/x.tar' },
    ],
    count: 3,
    none: null,
  };
  expect(scrub(document)).toEqual({
    ...document,
    list: [
      { secret_key: '***', proxy_password: '', username: '***', token: { used: true }, key: 'backups/x.tar' },
    ],
  });
});
