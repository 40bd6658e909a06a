import { readFileSync } from 'node:fs';
import { ANNOUNCEMENT_TOPIC, LANGUAGES } from '../index.ts';
import { appChangelog, appConfiguration, appRepository, appTexts, type Package } from './app.ts';
import { pythonContract } from './python.ts';
import { repairPlaceholders } from './repairs.ts';
import { exceptionPlaceholders, integrationTexts, readTexts } from './texts.ts';

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

/** Domain and name first and the rest in order: hassfest insists. */
function manifest({ version, homepage, bugs }: Package): object {
  return {
    domain: 'homestash',
    name: 'Homestash',
    after_dependencies: ['backup'],
    codeowners: ['@homestash'],
    config_flow: true,
    documentation: homepage,
    integration_type: 'service',
    iot_class: 'local_push',
    issue_tracker: bugs,
    loggers: ['custom_components.homestash'],
    mqtt: [ANNOUNCEMENT_TOPIC.replace('{instance_id}', '+')],
    requirements: [],
    version,
  };
}

/** Everything that is derived: the path from the root of the repository, and the content. */
export function outputs(root: URL): ReadonlyMap<string, string> {
  const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
  const project = JSON.parse(read('package.json')) as Package;
  const { homeassistant } = JSON.parse(read('hacs.json')) as { homeassistant: string };
  const integration = 'custom_components/homestash';
  const files = new Map<string, string>();
  const english = readTexts(root, 'en');
  const placeholders = exceptionPlaceholders(english);
  const repairs = repairPlaceholders(english.notices);
  files.set(
    `${integration}/contract.py`,
    pythonContract({ version: project.version, placeholders, repairs }),
  );
  files.set(`${integration}/manifest.json`, json(manifest(project)));
  files.set('repository.yaml', appRepository(project));
  files.set('addon/config.yaml', appConfiguration(project, homeassistant));
  files.set('addon/CHANGELOG.md', appChangelog(read('CHANGELOG.md'), project));
  for (const language of LANGUAGES) {
    const texts = readTexts(root, language);
    files.set(`${integration}/translations/${language}.json`, json(integrationTexts(texts)));
    files.set(`addon/translations/${language}.yaml`, appTexts(texts));
  }
  return files;
}
