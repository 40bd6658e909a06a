/** The parameters of a path that fits `/backups/targets/:id`; undefined where it does not. */
export function match(pattern: string, path: string): Readonly<Record<string, string>> | undefined {
  const wanted = pattern.split('/');
  const parts = path.replace(/\/$/, '').split('/');
  if (wanted.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, name] of wanted.entries()) {
    if (name.startsWith(':')) params[name.slice(1)] = parts[at] as string;
    else if (name !== parts[at]) return undefined;
  }
  return params;
}
