import type { Language, ShownDevices, ShownEntity } from '../../contract/index.ts';
import { type DeviceDescription, deviceOf, type EntityDescription } from '../../kernel/entities.ts';
import type { State } from '../../kernel/state.ts';
import { wordEntity } from '../../kernel/texts.ts';
import { entitiesOf } from './discovery.ts';

type Document = Readonly<Record<string, unknown>>;

function valueIn(document: Document, entity: EntityDescription): ShownEntity['value'] {
  if (entity.platform === 'button' || entity.platform === 'event') return null;
  const value = document[entity.member];
  if (typeof value === 'number') {
    return entity.platform === 'sensor' && entity.scale !== undefined ? value / entity.scale : value;
  }
  return typeof value === 'string' || typeof value === 'boolean' ? value : null;
}

/** What Home Assistant is shown, for a person who wants to see it here. */
export function shownDevices(
  state: State,
  descriptions: readonly DeviceDescription[],
  language: Language,
): ShownDevices {
  const found = state.all().flatMap(({ name, text }) => {
    const device = deviceOf(descriptions, name);
    return device ? [{ device, document: JSON.parse(text) as Document }] : [];
  });
  found.sort((a, b) => Number(a.device.id !== '') - Number(b.device.id !== ''));
  return {
    devices: found.map(({ device, document }) => {
      const { kind } = device.description;
      return {
        key: device.key,
        name: String(document.name),
        model: wordEntity(kind, 'model', language),
        entities: entitiesOf(device, document).map((entity) => ({
          key: entity.key,
          name: wordEntity(kind, entity.key, language),
          platform: entity.platform,
          device_class: 'deviceClass' in entity ? (entity.deviceClass ?? null) : null,
          value: valueIn(document, entity),
          unit: entity.platform === 'sensor' ? (entity.unit ?? null) : null,
        })),
      };
    }),
  };
}
