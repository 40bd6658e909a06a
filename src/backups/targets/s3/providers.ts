import type { Capabilities, Language, Provider } from '../../../contract/index.ts';
import { wordRemark } from '../../../kernel/texts.ts';
import type { Preset } from './preset.ts';
import { CLOUDS } from './preset-clouds.ts';
import { SERVERS } from './preset-servers.ts';

/** Every preset, in the order in which a form offers them. */
export const PRESETS: readonly Preset[] = [...CLOUDS, ...SERVERS];

/** Labels of a host: letters, digits and dashes. */
const REGION = '[a-z0-9-]+';

/** An account may be several labels: R2 puts the jurisdiction behind it. */
const ACCOUNT = '[a-z0-9-]+(?:\\.[a-z0-9-]+)*';

/** A host out of a pattern with placeholders; the region is what it captures. */
function hostExpression(pattern: string, { regionPattern = REGION }: Preset): RegExp {
  const host = pattern.replace(/^https:\/\//, '').replaceAll('.', '\\.');
  const source = host
    .replace('{region}', `(${regionPattern})`)
    .replace('{account}', ACCOUNT)
    .replace('{number}', '\\d+');
  return new RegExp(`^${source}$`);
}

/** Each host of a preset, the more telling first. */
const HOSTS = PRESETS.flatMap((preset) =>
  [...(preset.endpoint ? [preset.endpoint] : []), ...(preset.hosts ?? [])].map((pattern) => ({
    preset,
    expression: hostExpression(pattern, preset),
  })),
);

interface Recognised {
  readonly preset: Preset;
  /** With which the host's requests are signed; undefined where neither host nor preset says. */
  readonly region: string | undefined;
}

/** Whose host this is, and the region in it. */
export function recogniseHost(hostname: string): Recognised | undefined {
  for (const { preset, expression } of HOSTS) {
    const match = expression.exec(hostname);
    if (!match) continue;
    const region = match[1] === undefined ? preset.region : (preset.regionNames?.[match[1]] ?? match[1]);
    return { preset, region };
  }
  return undefined;
}

/** The preset whose address this is; an empty one is AWS. */
export function providerOf(endpoint: string): Preset | undefined {
  if (endpoint === '') return PRESETS.find(({ id }) => id === 'aws');
  const url = URL.parse(endpoint);
  return url ? recogniseHost(url.hostname)?.preset : undefined;
}

/** The preset of a server that people run themselves, by what it calls itself. */
export function providerOfServer(server: string | null): Preset | undefined {
  return server === null ? undefined : SERVERS.find((preset) => preset.server?.test(server));
}

/** What is documented of a provider's parts. */
export function documentedParts(preset: Preset | undefined): Capabilities['parts'] {
  return { equal: 'unknown', smallest: null, most: null, ...preset?.parts };
}

/** All presets as forms get them, worded in a language. */
export function providersIn(language: Language): Provider[] {
  return PRESETS.map((preset) => ({
    id: preset.id,
    name: preset.name,
    endpoint: preset.endpoint,
    example: preset.example,
    regions: [...preset.regions],
    region_rule: preset.regionRule,
    addressing: preset.addressing,
    quirks: preset.quirks.map(({ code, params }) => ({
      code,
      text: wordRemark('quirks', { code, params }, language),
    })),
    storage_classes: [...(preset.storageClasses ?? [])],
    encryption: [...(preset.encryption ?? [])],
    minimum_days: preset.minimumDays ?? null,
    parts: documentedParts(preset),
    keys_url: preset.keysUrl,
    docs_url: preset.docsUrl,
  }));
}
