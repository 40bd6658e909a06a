import type { Language } from '../../contract/index.ts';
import type { Device, EntityDescription } from '../../kernel/entities.ts';
import { wordEntity } from '../../kernel/texts.ts';
import type { Topics } from './topics.ts';

/** Who we are, as every device says it. */
export interface Origin {
  readonly version: string;
  readonly url: string;
  /** Where a person finds our page; undefined where nobody knows. */
  readonly page: string | undefined;
}

interface DiscoveryOptions {
  readonly topics: Topics;
  readonly device: Device;
  /** The document of the device. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly language: Language;
  readonly origin: Origin;
}

/** Home Assistant takes no longer text for a state. */
const LONGEST_STATE = 255;

const MAKER = 'Homestash';

/** How the value is read out of the document (Jinja); what is null is unknown to Home Assistant, which reads `None` so. */
function valueTemplate(entity: EntityDescription): string | undefined {
  if (entity.platform === 'button' || entity.platform === 'event') return undefined;
  const value = `value_json.${entity.member}`;
  if (entity.platform === 'binary_sensor') {
    return `{{ None if ${value} is none else 'ON' if ${value} else 'OFF' }}`;
  }
  if (entity.scale !== undefined) {
    return `{{ None if ${value} is none else ${value} / ${entity.scale} }}`;
  }
  if (entity.long) return `{{ None if ${value} is none else ${value}[:${LONGEST_STATE}] }}`;
  return `{{ ${value} }}`;
}

function attributes(names: readonly string[]): string {
  const members = names.map((name) => `'${name}': value_json.${name}`);
  return `{{ {${members.join(', ')}} | tojson }}`;
}

const defined = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));

/** What only some entities have. */
function particulars(entity: EntityDescription, topics: Topics, device: string): Record<string, unknown> {
  switch (entity.platform) {
    case 'sensor':
      return {
        unit_of_meas: entity.unit,
        stat_cla: entity.stateClass,
        sug_dsp_prc: entity.precision,
        ops: entity.options,
        dev_cla: entity.deviceClass,
      };
    case 'binary_sensor':
      return { dev_cla: entity.deviceClass };
    case 'button':
      return { cmd_t: topics.command(device, entity.command), dev_cla: entity.deviceClass };
    case 'event':
      return { stat_t: topics.event(device), evt_typ: [...new Set(Object.values(entity.types))] };
  }
}

function component(entity: EntityDescription, options: DiscoveryOptions): Record<string, unknown> {
  const { topics, device, language } = options;
  const listed = entity.attributes;
  return defined({
    p: entity.platform,
    uniq_id: `${topics.identifier(device.key)}_${entity.key}`,
    name: wordEntity(device.description.kind, entity.key, language),
    val_tpl: valueTemplate(entity),
    ent_cat: entity.category,
    ic: entity.icon,
    en: entity.offAtFirst ? false : undefined,
    json_attr_t: listed && topics.state(device.key),
    json_attr_tpl: listed && attributes(listed),
    ...particulars(entity, topics, device.key),
  });
}

/** The entities of a device that there are, as the document stands. */
export function entitiesOf(
  { description }: Device,
  document: Readonly<Record<string, unknown>>,
): EntityDescription[] {
  return description.entities.filter(
    (entity) => !(entity.platform === 'sensor' && entity.ifKnown && document[entity.member] === null),
  );
}

/**
 * What Home Assistant is told of a device ("device discovery", with the abbreviations of
 * homeassistant/components/mqtt/abbreviations.py).
 */
export function discoveryPayload(options: DiscoveryOptions): Record<string, unknown> {
  const { topics, device, document, language, origin } = options;
  const { version, url, page } = origin;
  const hub = device.id === '';
  return {
    dev: defined({
      ids: [topics.identifier(device.key)],
      name: document.name,
      mf: MAKER,
      mdl: wordEntity(device.description.kind, 'model', language),
      sw: hub ? version : undefined,
      via_device: hub ? undefined : topics.node,
      cu: page,
    }),
    o: { name: MAKER, sw: version, url },
    avty: [{ t: topics.status }],
    stat_t: topics.state(device.key),
    qos: 1,
    cmps: Object.fromEntries(
      entitiesOf(device, document).map((entity) => [entity.key, component(entity, options)]),
    ),
  };
}
