import { stringify } from 'yaml';
import { DEFAULT_API_PORT, LOG_LEVELS } from '../index.ts';
import type { Texts } from './texts.ts';

/** What package.json says of the project. */
export interface Package {
  readonly version: string;
  readonly description: string;
  readonly homepage: string;
  readonly bugs: string;
  readonly repository: { readonly url: string };
}

/** Where the program stands in the image; the Dockerfile puts it there. */
export const PROGRAM_IN_IMAGE = '/app/dist/homestash.js';

const API_PORT = `${DEFAULT_API_PORT}/tcp`;

/** What a stop may take before the program is killed (seconds): transfers in flight end or give up first. */
const STOP_SECONDS = 30;

/**
 * What can be had again, or must not stand in a backup of Home Assistant: the backups of the folder target (a backup
 * would hold all former ones), copies of the database, logs, and what belongs to a running program.
 */
const LEFT_OUT = [
  // not its hidden marker, without which the target is taken for a disk that is not mounted
  'backups/[!.]*',
  'backups/*.partial',
  'backups/*.put',
  'cache/*',
  'copies/*',
  'log/*',
  // how everything stands at this moment
  'state/*',
  'tmp/*',
  'homestash.before-*.db',
  'homestash.db-shm',
  'serve.lock*',
];

const HEAD = ' Written by script/generate: the reasons stand in src/contract/generate/app.ts.';

const yaml = (value: unknown): string =>
  `#${HEAD}\n${stringify(value, { lineWidth: 0, nullStr: 'null', singleQuote: false })}`;

/** The image that is published from the repository; the Supervisor refuses upper case. */
export function imageOf({ repository }: Pick<Package, 'repository'>): string {
  const [, path] = /github\.com[/:]([^/]+\/[^/]+?)(?:\.git)?$/.exec(repository.url) ?? [];
  if (path === undefined) throw new Error(`${repository.url} is no repository on GitHub`);
  return `ghcr.io/${path.toLowerCase()}`;
}

/** The app as the Supervisor reads it. What is absent has its default: the linter insists. */
export function appConfiguration(project: Package, oldestHomeAssistant: string): string {
  return yaml({
    name: 'Homestash',
    version: project.version,
    slug: 'homestash',
    description: project.description,
    url: project.homepage,
    image: imageOf(project),
    arch: ['aarch64', 'amd64'],
    homeassistant: oldestHomeAssistant,
    // before Home Assistant, which asks for its backup locations when it starts
    startup: 'services',
    timeout: STOP_SECONDS,
    ingress: true,
    // a POST is passed on as it comes, and not collected in memory up to 16 MiB
    ingress_stream: true,
    panel_icon: 'mdi:safe-square-outline',
    // closed to the network until a person opens it
    ports: { [API_PORT]: null },
    // the websocket to Home Assistant: its schedule, its locations, its administrators
    homeassistant_api: true,
    // an app without a broker starts, too
    services: ['mqtt:want'],
    discovery: ['homestash'],
    // for folder targets on network storage that Home Assistant has mounted
    map: [{ type: 'share', read_only: false }],
    backup_pre: `node ${PROGRAM_IN_IMAGE} checkpoint`,
    backup_exclude: LEFT_OUT,
    // everything else is set in the program's own pages, the same with and without the Supervisor
    options: { log_level: 'info' },
    schema: { log_level: `list(${LOG_LEVELS.join('|')})` },
  });
}

/** The words for the app's settings and ports in a language. */
export function appTexts({ app }: Texts): string {
  return yaml({ configuration: app.configuration, network: { [API_PORT]: app.api_port } });
}

/** What makes the repository one of apps. */
export function appRepository({ homepage }: Package): string {
  return yaml({ name: 'Homestash', url: homepage, maintainer: 'The Homestash authors' });
}

/**
 * The changelog as Home Assistant shows it before an update: it looks for `# VERSION`, without brackets, and it knows no
 * relative links. What is not released yet is the version in package.json.
 */
export function appChangelog(changelog: string, { version, homepage }: Package): string {
  const sections = changelog.slice(changelog.search(/^## /m));
  const released = sections.includes(`## [${version}]`);
  const shown = released ? sections.slice(sections.search(/^## \[\d/m)) : sections;
  const titled = shown.replace('## [Unreleased]', `## ${version}`).replace(/^## \[(.+?)\]/gm, '## $1');
  const linked = titled.replace(/\]\((?!https?:|#)(?:\.\/)?/g, `](${homepage}/blob/main/`);
  return `# Changelog\n\n<!-- Written by script/generate from CHANGELOG.md. -->\n\n${linked}`;
}
