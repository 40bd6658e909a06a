import { readFileSync } from 'node:fs';
import { LANGUAGES } from '../index.ts';
import { pythonContract } from './python.ts';
import { exceptionPlaceholders, integrationTexts, readTexts } from './texts.ts';

interface Package {
  readonly version: string;
  readonly homepage: string;
  readonly bugs: string;
}

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
    requirements: [],
    version,
  };
}

/** Everything that is derived: the path from the root of the repository, and the content. */
export function outputs(root: URL): ReadonlyMap<string, string> {
  const project = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')) as Package;
  const integration = 'custom_components/homestash';
  const files = new Map<string, string>();
  const placeholders = exceptionPlaceholders(readTexts(root, 'en'));
  files.set(`${integration}/contract.py`, pythonContract({ version: project.version, placeholders }));
  files.set(`${integration}/manifest.json`, json(manifest(project)));
  for (const language of LANGUAGES) {
    files.set(
      `${integration}/translations/${language}.json`,
      json(integrationTexts(readTexts(root, language))),
    );
  }
  return files;
}
