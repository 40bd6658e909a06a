import { expect, test } from 'vitest';
import { providersDocument, readProvidersDocument } from '../../script/lib/providers.ts';

test('docs/providers.md says what the presets say', () => {
  const now = readProvidersDocument();
  expect(providersDocument(now)).toBe(now);
  expect(now).toContain('| Backblaze B2 | `https://s3.{region}.backblazeb2.com` |');
});
