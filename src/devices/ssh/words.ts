import { scrubText } from '../../kernel/scrub.ts';

/** What a program says of its failure is shown so far (signs). */
const LONGEST_REASON = 100;

/** A secret that is shorter stands in ordinary words as well (signs). */
const SHORTEST_SECRET = 4;

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are coloured by them (ECMA-48)
const TERMINAL = /\u001b\[[0-9;?]*[A-Za-z]/g;

/** The first line of what a program said, fit for a sentence: short, without signs of control and without `secrets`. */
export function firstLine(said: string, secrets: readonly string[]): string {
  const hidden = secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .reduce((text, secret) => text.replaceAll(secret, '***'), said.replace(TERMINAL, ''));
  const line = hidden
    .split(/[\r\n]+/)
    .map((one) =>
      one
        .replace(/[\p{Cc}\p{Cf}]+/gu, ' ')
        .replace(/\s+/g, ' ')
        .trim(),
    )
    .find((one) => one !== '');
  return scrubText(line ?? '').slice(0, LONGEST_REASON);
}
