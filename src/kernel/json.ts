/** Nothing that is meant for us nests deeper; what reads is iterative, but what writes would run out of stack. */
const MAX_DEPTH = 100;

function fits(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return depth > 0 && Object.values(value).every((member) => fits(member, depth - 1));
}

/** JSON from outside, which can be written again as well as it was read. @throws SyntaxError */
export function parseJson(text: string): unknown {
  const document: unknown = JSON.parse(text);
  if (!fits(document, MAX_DEPTH)) throw new SyntaxError('nested too deep');
  return document;
}
