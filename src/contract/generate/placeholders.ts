/** The names in braces of a sentence, each once, in order. */
export function placeholdersOf(sentence: string): string[] {
  return [...new Set([...sentence.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string))].sort();
}
