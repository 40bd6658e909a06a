// usage: count-tests.ts CHECKS FAILED_CHECKS JUNIT_FILE...
// Adds up all checks and tests, and prints the line by which continuous integration recognises that tests ran.
import { readFileSync } from 'node:fs';

const [checks = '0', failedChecks = '0', ...files] = process.argv.slice(2);

function attribute(tag: string, name: string): number {
  return Number(new RegExp(`\\b${name}="(\\d+)"`).exec(tag)?.[1] ?? 0);
}

let passed = Number(checks);
let failed = Number(failedChecks);
for (const file of files) {
  for (const [tag] of readFileSync(file, 'utf8').matchAll(/<testsuite\s[^>]*>/g)) {
    const broken = attribute(tag, 'failures') + attribute(tag, 'errors');
    failed += broken;
    passed += attribute(tag, 'tests') - broken - attribute(tag, 'skipped');
  }
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
