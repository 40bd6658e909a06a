// usage: count-tests.ts CHECKS FAILED_CHECKS JUNIT_FILE...
// Names the tests that failed, each with the first line of why; then adds up all checks and tests, and prints the line
// by which continuous integration recognises that tests ran.
import { readFileSync } from 'node:fs';

const [checks = '0', failedChecks = '0', ...files] = process.argv.slice(2);

/** The five characters that XML has names for (XML 1.0, section 4.6). */
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function attribute(tag: string, name: string): string {
  const text = new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '';
  return text.replace(/&(amp|lt|gt|quot|apos);/g, (_all, entity: string) => ENTITIES[entity] ?? '');
}

/** Every test of a file that failed. */
function* failures(xml: string): Generator<string> {
  const cases = /(<testcase\s[^>]*>)\s*<(?:failure|error)\b([^>]*)>/g;
  for (const [, tag = '', why = ''] of xml.matchAll(cases)) {
    const [line = ''] = attribute(why, 'message').split('\n');
    yield `FAILED: ${attribute(tag, 'classname')} > ${attribute(tag, 'name')}: ${line}`;
  }
}

let passed = Number(checks);
let failed = Number(failedChecks);
for (const file of files) {
  const xml = readFileSync(file, 'utf8');
  for (const [tag] of xml.matchAll(/<testsuite\s[^>]*>/g)) {
    const broken = Number(attribute(tag, 'failures')) + Number(attribute(tag, 'errors'));
    failed += broken;
    passed += Number(attribute(tag, 'tests')) - broken - Number(attribute(tag, 'skipped'));
  }
  for (const failure of failures(xml)) process.stdout.write(`${failure}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
