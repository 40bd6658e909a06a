/** What a log says to whoever looks for the code of the first password. */
export function setupCodeIn(log: string): string {
  const codes = [...log.matchAll(/"setup_code":"([^"]+)"/g)];
  const code = codes.at(-1)?.[1];
  if (code === undefined) throw new Error('no setup code was logged');
  return code;
}
