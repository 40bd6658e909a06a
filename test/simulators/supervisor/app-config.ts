import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import { parse } from 'yaml';
import { repositoryRoot } from '../../harness/cache.ts';

const FILE = join(repositoryRoot, 'addon/config.yaml');

const Service = v.pipe(v.string(), v.regex(/^(mqtt|mysql):(provide|want|need)$/));
const Port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65_535));
const flag = (byDefault: boolean) => v.optional(v.boolean(), byDefault);

/** What the Supervisor reads of an app's config.yaml, as far as it is played here; its own defaults, other keys dropped. */
const AppConfig = v.object({
  name: v.string(),
  version: v.pipe(v.unknown(), v.transform(String)),
  slug: v.pipe(v.string(), v.regex(/^[-_.A-Za-z0-9]+$/)),
  description: v.string(),
  arch: v.pipe(v.array(v.picklist(['aarch64', 'amd64'])), v.minLength(1)),
  url: v.optional(v.pipe(v.string(), v.url())),
  startup: v.optional(v.picklist(['initialize', 'system', 'services', 'application', 'once']), 'application'),
  stage: v.optional(v.picklist(['stable', 'experimental', 'deprecated']), 'stable'),
  ports: v.optional(v.record(v.string(), v.nullable(Port)), {}),
  ingress: flag(false),
  ingress_port: v.optional(Port, 8099),
  ingress_entry: v.optional(v.string()),
  ingress_stream: flag(false),
  panel_icon: v.optional(v.string(), 'mdi:puzzle'),
  panel_title: v.optional(v.string()),
  panel_admin: flag(true),
  homeassistant: v.optional(v.string()),
  homeassistant_api: flag(false),
  // An app that has it may do more than is played here.
  hassio_api: v.optional(v.literal(false), false),
  host_network: v.optional(v.literal(false), false),
  services: v.optional(v.array(Service), []),
  discovery: v.optional(v.array(v.string()), []),
  options: v.optional(v.record(v.string(), v.unknown()), {}),
});
export type AppConfig = v.InferOutput<typeof AppConfig>;

/** As config.yaml says it, with what a test wants to be otherwise. */
export type AppConfigInput = Partial<v.InferInput<typeof AppConfig>>;

/** Where the repository has no config.yaml: what one must say for our app. */
const MEANT: v.InferInput<typeof AppConfig> = {
  name: 'Homestash',
  version: '0.1.0',
  slug: 'homestash',
  description: 'Keeps what a home must not lose',
  arch: ['aarch64', 'amd64'],
  startup: 'services',
  ingress: true,
  ingress_stream: true,
  panel_icon: 'mdi:safe-square-outline',
  homeassistant_api: true,
  ports: { '8098/tcp': null },
  services: ['mqtt:want'],
  discovery: ['homestash'],
  options: { log_level: 'info' },
};

/** The app's own config.yaml where there is one. @throws Error that says which key the Supervisor would refuse. */
export function readAppConfig(changes: AppConfigInput = {}): AppConfig {
  const written: unknown = existsSync(FILE) ? parse(readFileSync(FILE, 'utf8')) : MEANT;
  const result = v.safeParse(AppConfig, { ...(written as object), ...changes });
  if (result.success) return result.output;
  const wrong = result.issues.map((issue) => `${v.getDotPath(issue)}: ${issue.message}`).join('; ');
  throw new Error(`the Supervisor refuses ${FILE}: ${wrong}`);
}
