/** What every entity has; the words stand in `translations/` under `entities.<device>.<key>`. */
interface EntityCommon<Value> {
  /** Stable for ever: Home Assistant knows the entity by it. */
  readonly key: string;
  /** Absent for what people look at first. */
  readonly category?: 'diagnostic' | 'config';
  /** `mdi:archive`; where absent, Home Assistant chooses by the device class. */
  readonly icon?: string;
  /** Few want it: it is there and switched off until somebody switches it on. */
  readonly offAtFirst?: true;
  /** Members of the document that stand beside the value. */
  readonly attributes?: readonly (keyof Value & string)[];
}

/** Something that is measured or told. */
interface SensorDescription<Value> extends EntityCommon<Value> {
  readonly platform: 'sensor';
  /** Where it stands in the document. */
  readonly member: keyof Value & string;
  /** As Home Assistant names it. */
  readonly deviceClass?: 'timestamp' | 'data_size' | 'data_rate' | 'temperature' | 'enum';
  readonly stateClass?: 'measurement';
  readonly unit?: '%' | '°C' | 'GB' | 'MB' | 'kB' | 'MB/s';
  /** So much of the member is one of the unit. */
  readonly scale?: number;
  /** Digits behind the point that are shown. */
  readonly precision?: number;
  /** All values there are, of the class `enum`. */
  readonly options?: readonly string[];
  /** Only where the box can tell it at all. */
  readonly ifKnown?: true;
  /** A text that may be longer than Home Assistant takes for a state. */
  readonly long?: true;
  /** The Prometheus metric of the member as it is, in base units, without the prefix of the device. */
  readonly metric?: string;
}

/** Something that is or is not so. */
interface BinarySensorDescription<Value> extends EntityCommon<Value> {
  readonly platform: 'binary_sensor';
  readonly member: keyof Value & string;
  readonly deviceClass?: 'problem' | 'connectivity';
  readonly metric?: string;
}

/** Something that can be done. */
interface ButtonDescription<Value> extends EntityCommon<Value> {
  readonly platform: 'button';
  /** One of the core's commands. */
  readonly command: string;
  readonly deviceClass?: 'restart';
}

/** Something that happens. */
interface EventDescription<Value> extends EntityCommon<Value> {
  readonly platform: 'event';
  /** Which happenings of the journal are which type of event. */
  readonly types: Readonly<Record<string, string>>;
}

/** An entity as data: MQTT discovery, metrics, the page and the documentation are derived from it. */
export type EntityDescription<Value = Record<string, unknown>> =
  | SensorDescription<Value>
  | BinarySensorDescription<Value>
  | ButtonDescription<Value>
  | EventDescription<Value>;

/** A kind of device: which documents of the state are one, and what is seen of each. */
export interface DeviceDescription<Value = Record<string, unknown>> {
  /** Its words stand under `entities.<kind>`; never changes. */
  readonly kind: string;
  /** The name of the one document, or what the names of all begin with. */
  readonly document: { readonly name: string } | { readonly prefix: string };
  /** What the commands of the device call the rest of the document's name. */
  readonly subject?: string;
  readonly entities: readonly EntityDescription<Value>[];
}

/** Describes a device; each member that an entity names is one of the document. */
export function device<Value extends { readonly name: string }>(
  description: DeviceDescription<Value>,
): DeviceDescription {
  return description as unknown as DeviceDescription;
}

/** A document that is a device. */
export interface Device {
  readonly description: DeviceDescription;
  /** What stands behind the prefix; empty for the one of its kind. */
  readonly id: string;
  /** Its name in topics and ids: `core`, `target_k3x9`. */
  readonly key: string;
}

/** Which device a document is; undefined for one that is none. */
export function deviceOf(devices: readonly DeviceDescription[], name: string): Device | undefined {
  for (const description of devices) {
    const { document, kind } = description;
    if ('name' in document) {
      if (document.name === name) return { description, id: '', key: kind };
    } else if (name.startsWith(document.prefix)) {
      const id = name.slice(document.prefix.length);
      return { description, id, key: `${kind}_${id}` };
    }
  }
  return undefined;
}
