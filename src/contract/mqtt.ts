import * as v from 'valibot';
import { CaCertificate, MAX_TEXT } from './common.ts';
import { ProblemDocument } from './problems.ts';

const BrokerUrl = v.pipe(
  v.string(),
  v.trim(),
  v.maxLength(MAX_TEXT),
  v.check((text) => {
    const url = URL.parse(text);
    return (
      url !== null &&
      /^(mqtts?|wss?):$/.test(url.protocol) &&
      url.hostname !== '' &&
      url.username === '' &&
      url.password === ''
    );
  }, 'an address such as mqtt://192.168.1.2:1883 (also mqtts, ws, wss), without user and password'),
);

const PrivateKey = v.pipe(
  v.string(),
  v.maxLength(65_536),
  v.check(
    (pem) => pem.trim() === '' || /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem),
    'a private key in PEM form',
  ),
);

/** Home Assistant's own. */
export const DEFAULT_DISCOVERY_PREFIX = 'homeassistant';

const DiscoveryPrefix = v.pipe(
  v.string(),
  v.trim(),
  v.regex(/^[^\s/+#]+(?:\/[^\s/+#]+)*$/, 'a topic without + and #, such as homeassistant'),
  v.maxLength(200),
);

/** A broker that a person entered; tried before it is kept. An absent password stays as it is, for the same broker. */
export const MqttSettings = v.object({
  url: BrokerUrl,
  username: v.optional(v.pipe(v.string(), v.maxLength(256)), ''),
  password: v.optional(v.pipe(v.string(), v.maxLength(256))),
  /** Who signed the certificate of a broker that nobody else trusts, as PEM. */
  ca_certificate: v.optional(CaCertificate, ''),
  /** What we show to a broker that wants a certificate, as PEM; and its key, which stays as it is when absent. */
  client_certificate: v.optional(CaCertificate, ''),
  client_key: v.optional(PrivateKey),
  /** Where Home Assistant looks for what there is. */
  discovery_prefix: v.optional(DiscoveryPrefix, DEFAULT_DISCOVERY_PREFIX),
});
export type MqttSettings = v.InferOutput<typeof MqttSettings>;

/** The connection to a broker. Under the Supervisor its own broker is used unless another was entered. */
export const MqttStatus = v.object({
  source: v.picklist(['none', 'supervisor', 'settings']),
  state: v.picklist(['off', 'connecting', 'connected', 'failed']),
  url: v.nullable(v.string()),
  username: v.nullable(v.string()),
  ca_certificate: v.nullable(v.string()),
  client_certificate: v.nullable(v.string()),
  discovery_prefix: v.string(),
  problem: v.nullable(ProblemDocument),
});
export type MqttStatus = v.InferOutput<typeof MqttStatus>;

/** An entity as Home Assistant shows it, worded in the language that was asked for. */
export const ShownEntity = v.object({
  key: v.string(),
  name: v.string(),
  platform: v.picklist(['sensor', 'binary_sensor', 'button', 'event']),
  device_class: v.nullable(v.string()),
  /** As it stands now, in the unit; null where it is not known, and for what has none. */
  value: v.nullable(v.union([v.string(), v.number(), v.boolean()])),
  unit: v.nullable(v.string()),
});
export type ShownEntity = v.InferOutput<typeof ShownEntity>;

/** What Home Assistant is shown over MQTT: the box and each location, the box first. */
export const ShownDevices = v.object({
  devices: v.array(
    v.object({ key: v.string(), name: v.string(), model: v.string(), entities: v.array(ShownEntity) }),
  ),
});
export type ShownDevices = v.InferOutput<typeof ShownDevices>;
