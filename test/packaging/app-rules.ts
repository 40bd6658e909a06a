/** An app's configuration, as read. */
export type Configuration = Readonly<Record<string, unknown>>;

const REQUIRED = ['name', 'version', 'slug', 'description', 'arch'];

/** What the Supervisor takes for granted. Its linter refuses a key that only repeats it. */
const DEFAULTS: Configuration = {
  startup: 'application',
  boot: 'auto',
  init: true,
  stage: 'stable',
  ingress: false,
  ingress_port: 8099,
  ingress_stream: false,
  panel_icon: 'mdi:puzzle',
  panel_admin: true,
  homeassistant_api: false,
  hassio_api: false,
  hassio_role: 'default',
  udev: false,
  tmpfs: false,
  backup: 'hot',
  options: {},
  schema: {},
  timeout: 10,
};

/** The other keys that we might use. */
const KNOWN = [
  ...[
    'url',
    'image',
    'homeassistant',
    'ports',
    'panel_title',
    'ingress_entry',
    'environment',
    'map',
    'devices',
  ],
  ...['services', 'discovery', 'backup_pre', 'backup_post', 'backup_exclude', 'breaking_versions', 'ulimits'],
];

/** What makes an app powerful, and its rating low; none of it is needed. `watchdog` and `webui` the linter refuses. */
const REFUSED = [
  ...[
    'privileged',
    'full_access',
    'docker_api',
    'host_network',
    'host_pid',
    'host_ipc',
    'host_uts',
    'host_dbus',
  ],
  ...['kernel_modules', 'apparmor', 'auth_api', 'watchdog', 'webui', 'advanced', 'codenotary', 'legacy'],
];

const ELEMENT =
  /^(?:bool|email|url|port|device(?:\(subsystem=[a-z]+\))?|(?:str|password)(?:\(\d*,\d*\))?|(?:int|float)(?:\([-.\d]*,[-.\d]*\))?|match\(.*\)|list\((.+)\))\??$/;

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

function keyFaults(configuration: Configuration): string[] {
  const missing = REQUIRED.filter((key) => !(key in configuration)).map((key) => `${key} is missing`);
  const of = (key: string, value: unknown): string[] => {
    if (REFUSED.includes(key)) return [`${key} must not be used`];
    if (key in DEFAULTS) return same(DEFAULTS[key], value) ? [`${key} repeats its default`] : [];
    return [...REQUIRED, ...KNOWN].includes(key) ? [] : [`${key} is no key that the Supervisor knows`];
  };
  return [...missing, ...Object.entries(configuration).flatMap(([key, value]) => of(key, value))];
}

/** Without a tag, which is the version; in lower case, of which the Supervisor makes a rule. */
function imageFaults({ image }: Configuration): string[] {
  const good =
    typeof image === 'string' && /^(?:[a-z0-9-]+\.)+[a-z]{2,}(?:\/[a-z0-9][a-z0-9._-]*)+$/.test(image);
  return good ? [] : [`the image ${String(image)} is no name that the Supervisor takes`];
}

function optionFaults({ options, schema }: Configuration): string[] {
  const given = (options ?? {}) as Configuration;
  const types = (schema ?? {}) as Readonly<Record<string, string>>;
  const untyped = Object.keys(given).filter((key) => !(key in types));
  return [
    ...untyped.map((key) => `the option ${key} has no type`),
    ...Object.entries(types).flatMap(([key, type]) => {
      const [known, choices] = ELEMENT.exec(type) ?? [];
      if (known === undefined) return [`the option ${key} has the unknown type ${type}`];
      if (!(key in given)) return type.endsWith('?') ? [] : [`the option ${key} has no value`];
      if (type.endsWith('?')) return [`the option ${key} is optional and has a value`];
      const wrong = choices !== undefined && !choices.split('|').includes(String(given[key]));
      return wrong ? [`the option ${key} has a value that is none of ${choices}`] : [];
    }),
  ];
}

function nameFaults(what: string, named: unknown, used: unknown): string[] {
  const [have, want] = [named, used].map((value) => Object.keys((value ?? {}) as object).toSorted());
  return same(have, want) ? [] : [`the texts name the ${what} ${have}, but there are ${want}`];
}

/** What is wrong with an app, against what the Supervisor and its linter ask for, and with less allowed than by them. */
export function appFaults(
  configuration: Configuration,
  texts: Readonly<Record<string, Configuration>>,
): string[] {
  return [
    ...keyFaults(configuration),
    ...imageFaults(configuration),
    ...optionFaults(configuration),
    ...Object.values(texts).flatMap(({ configuration: settings, network }) => [
      ...nameFaults('options', settings, configuration.schema),
      ...nameFaults('ports', network, configuration.ports),
    ]),
  ];
}

/** A pattern as Python's `PurePath.match` understands it, where `*` also stands for a leading dot. */
function patternOf(glob: string): RegExp {
  const body = glob.replace(/\[!(.+?)\]|\*|[.+?^${}()|\\]/g, (sign, except?: string) => {
    if (except !== undefined) return `[^${except}]`;
    return sign === '*' ? '[^/]*' : `\\${sign}`;
  });
  return new RegExp(`/${body}(?:/|$)`);
}

/** Does the Supervisor leave this file out? It compares the end of each path, and does not go into what it leaves out. */
export function isLeftOut(path: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => patternOf(pattern).test(path));
}
