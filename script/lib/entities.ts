// usage: entities.ts [--check]
// Writes docs/entities.md from what the features say of their devices. With --check it only says whether it differs.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { targetDevice } from '../../src/backups/entities.ts';
import { keptDevice } from '../../src/devices/entities.ts';
import type { DeviceDescription, EntityDescription } from '../../src/kernel/entities.ts';
import { wordEntity } from '../../src/kernel/texts.ts';
import { coreDevice } from '../../src/system/entities.ts';

const DOCUMENT = fileURLToPath(new URL('../../docs/entities.md', import.meta.url));

const INTRODUCTION = `# What Home Assistant sees

Written by \`script/generate\` from what each feature says of its devices.

With an MQTT broker (Home Assistant's own is used by itself; another one is entered under *Settings → MQTT*), the box, each location and
each device whose configuration is kept are devices in Home Assistant. Their names follow the language of the home. A device goes with the thing that it stands for. While the core
does not run, all of them are unavailable.

Values are numbers in the units that are given, and moments; what is not known is *unknown*. The same values are at hand as
[JSON files, events and metrics](outlets.md).
`;

const code = (text: string): string => `\`${text}\``;

function kindOf(entity: EntityDescription): string {
  const classes = 'deviceClass' in entity && entity.deviceClass ? ` (${entity.deviceClass})` : '';
  return `${entity.platform.replace('_', ' ')}${classes}`;
}

function shownValue(entity: EntityDescription): string {
  switch (entity.platform) {
    case 'sensor':
      return entity.options ? entity.options.map(code).join(' ') : (entity.unit ?? '');
    case 'binary_sensor':
      return 'on, off';
    case 'event':
      return [...new Set(Object.values(entity.types))].map(code).join(' ');
    case 'button':
      return '';
  }
}

function remarksOf(entity: EntityDescription): string {
  const attributes = entity.attributes ?? [];
  return [
    entity.category ?? '',
    entity.offAtFirst ? 'switched off at first' : '',
    entity.platform === 'sensor' && entity.ifKnown ? 'where the box tells it' : '',
    attributes.length > 0 ? `attributes: ${attributes.map(code).join(' ')}` : '',
  ]
    .filter(Boolean)
    .join('; ');
}

function sectionOf({ kind, entities }: DeviceDescription): string {
  const rows = entities.map((entity) =>
    [
      wordEntity(kind, entity.key, 'en'),
      wordEntity(kind, entity.key, 'de'),
      kindOf(entity),
      shownValue(entity),
      remarksOf(entity),
    ].join(' | '),
  );
  return [
    `## ${wordEntity(kind, 'model', 'en')}`,
    '',
    '| entity | in German | kind | value | remarks |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row} |`),
  ].join('\n');
}

/** The document as it should be. */
export function entitiesDocument(): string {
  return `${INTRODUCTION}\n${[coreDevice, targetDevice, keptDevice].map(sectionOf).join('\n\n')}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const now = existsSync(DOCUMENT) ? readFileSync(DOCUMENT, 'utf8') : '';
  const wanted = entitiesDocument();
  const check = process.argv.includes('--check');
  if (now !== wanted) {
    process.stderr.write(
      `docs/entities.md ${check ? 'is not what the features say: run script/generate' : 'written'}\n`,
    );
    if (check) process.exitCode = 1;
    else writeFileSync(DOCUMENT, wanted);
  }
}
