import { expect, test } from 'vitest';
import { placeholdersOf } from '../../src/contract/generate/placeholders.ts';
import { readTexts } from '../../src/contract/generate/texts.ts';
import { LANGUAGES, PROBLEMS } from '../../src/contract/index.ts';

const root = new URL('../../', import.meta.url);
const texts = Object.fromEntries(LANGUAGES.map((language) => [language, readTexts(root, language)]));

/** Every sentence by its place. */
function sentences(value: unknown, place = ''): [string, string][] {
  if (typeof value === 'string') return [[place, value]];
  return Object.entries(value as object).flatMap(([key, inner]) => sentences(inner, `${place}.${key}`));
}

const bySentence = (language: string) => new Map(sentences(texts[language]));

test.each(LANGUAGES)('every problem has a title and a hint, and nothing is left over (%s)', (language) => {
  const problems = texts[language]?.problems ?? {};
  expect(Object.keys(problems).toSorted()).toEqual(Object.keys(PROBLEMS).toSorted());
  for (const text of Object.values(problems)) expect(Object.keys(text)).toEqual(['title', 'hint']);
});

test.each(LANGUAGES)('%s says the same things as English, with the same values', (language) => {
  const english = bySentence('en');
  const translated = bySentence(language);
  expect([...translated.keys()]).toEqual([...english.keys()]);
  for (const [place, sentence] of english) {
    expect([place, placeholdersOf(translated.get(place) ?? '')]).toEqual([place, placeholdersOf(sentence)]);
  }
});

test.each(LANGUAGES)('the sentences are such that hassfest takes them (%s)', (language) => {
  for (const [place, sentence] of bySentence(language)) {
    expect(sentence.trim(), place).toBe(sentence);
    expect(sentence, place).not.toMatch(/<|https?:|'\{|TODO| {2}/);
    expect(sentence, place).not.toBe('');
  }
});

test('German speaks to nobody in particular', () => {
  for (const [place, sentence] of bySentence('de')) {
    expect(sentence, place).not.toMatch(/\b(Sie|Ihre?[nmrs]?|du|dein\w*|Backups?|Add-?on)\b/);
  }
});

test('the values of a problem are those that the core gives', () => {
  const given: Record<string, string[]> = {
    rate_limited: ['seconds'],
    invalid_request: ['detail'],
    target_exists: ['name'],
    target_dns: ['host'],
    target_refused: ['host'],
    target_unavailable: ['status'],
    target_tls: ['host', 'reason'],
    target_tls_expired: ['host'],
    target_tls_name: ['host'],
    target_tls_untrusted: ['host'],
    target_no_bucket: ['bucket'],
    target_wrong_region: ['region'],
    target_forbidden: ['operation'],
    target_clock: ['minutes'],
    target_not_s3: ['host'],
    target_folder_missing: ['path'],
    target_folder_not_writable: ['path'],
    target_corrupt: ['key'],
    target_unexpected: ['reason'],
    target_body_limit: ['host'],
    target_garbled: ['host'],
    target_proxy: ['host', 'reason'],
    target_proxy_password: ['host'],
    target_tls_pin: ['fingerprint', 'host'],
    target_storage_class: ['class'],
    target_encryption: ['reason'],
    target_customer_key: ['key'],
    target_locked: ['until'],
    target_archived: ['class', 'key'],
    upload_too_large: ['limit'],
    archive_mismatch: ['actual', 'expected'],
    device_kind_unknown: ['kind'],
    device_exists: ['name'],
    device_dns: ['host'],
    device_refused: ['host'],
    device_timeout: ['host'],
    device_slow: ['host'],
    device_cut: ['host'],
    device_unavailable: ['host', 'status'],
    device_tls: ['host', 'reason'],
    device_pin: ['fingerprint', 'host'],
    device_password: ['host'],
    device_code: ['host'],
    device_locked: ['host'],
    device_forbidden: ['host'],
    device_second_factor: ['host'],
    device_redirect: ['host', 'to'],
    device_other_kind: ['host', 'kind'],
    device_replaced: ['expected', 'found'],
    device_not_there: ['host'],
    device_old: ['host', 'needed', 'version'],
    device_failed: ['host', 'reason'],
    device_unexpected: ['host', 'reason'],
    device_program: ['program'],
    device_nothing: ['host'],
    device_import_header: ['column'],
    artefact_file_lost: ['file'],
    artefact_empty: ['file'],
    artefact_page: ['file'],
    artefact_cut: ['file'],
    artefact_wrong: ['file', 'reason'],
    artefact_too_large: ['file', 'limit'],
    restore_impossible: ['kind'],
    restore_other_model: ['now', 'saved'],
    restore_other_chip: ['now', 'saved'],
    restore_refused: ['file', 'reason'],
    restore_not_back: ['host'],
    restore_different: ['file'],
    home_assistant_dns: ['host'],
    home_assistant_no_connection: ['host'],
    home_assistant_timeout: ['host'],
    home_assistant_cut: ['host'],
    home_assistant_unavailable: ['host', 'status'],
    home_assistant_tls: ['host', 'reason'],
    home_assistant_tls_expired: ['host'],
    home_assistant_tls_name: ['host'],
    home_assistant_tls_untrusted: ['host'],
    home_assistant_redirect: ['host', 'to'],
    home_assistant_not_there: ['host'],
    home_assistant_proxy: ['host'],
    home_assistant_blocked: ['host'],
    home_assistant_location_unknown: ['location'],
    home_assistant_failed: ['reason'],
    home_assistant_unexpected: ['reason'],
    supervisor_refused: ['status'],
    mqtt_dns: ['host'],
    mqtt_refused: ['host'],
    mqtt_timeout: ['host'],
    mqtt_cut: ['host'],
    mqtt_unavailable: ['host', 'reason'],
    mqtt_not_mqtt: ['host'],
    mqtt_tls: ['host', 'reason'],
    mqtt_tls_expired: ['host'],
    mqtt_tls_name: ['host'],
    mqtt_tls_untrusted: ['host'],
    too_many_webhooks: ['limit'],
    webhook_dns: ['host'],
    webhook_refused: ['host'],
    webhook_timeout: ['host'],
    webhook_cut: ['host'],
    webhook_tls: ['host'],
    webhook_redirect: ['host', 'status'],
    webhook_denied: ['host', 'status'],
    webhook_missing: ['host', 'status'],
    webhook_rejected: ['host', 'status'],
    webhook_status: ['host', 'status'],
    provisioning_wrong: ['detail'],
    import_newer: ['version'],
    import_invalid: ['detail'],
    database_newer: ['path'],
    database_copy_no_room: ['free', 'needed'],
  };
  for (const [code, { title, hint }] of Object.entries(readTexts(root, 'en').problems)) {
    expect([code, placeholdersOf(`${title} ${hint}`)]).toEqual([code, given[code] ?? []]);
  }
});
