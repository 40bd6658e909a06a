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

/** A broker that a person entered; tried before it is kept. An absent password stays as it is, for the same broker. */
export const MqttSettings = v.object({
  url: BrokerUrl,
  username: v.optional(v.pipe(v.string(), v.maxLength(256)), ''),
  password: v.optional(v.pipe(v.string(), v.maxLength(256))),
  /** Who signed the certificate of a broker that nobody else trusts, as PEM. */
  ca_certificate: v.optional(CaCertificate, ''),
});
export type MqttSettings = v.InferOutput<typeof MqttSettings>;

/** The connection to a broker. Under the Supervisor its own broker is used unless another was entered. */
export const MqttStatus = v.object({
  source: v.picklist(['none', 'supervisor', 'settings']),
  state: v.picklist(['off', 'connecting', 'connected', 'failed']),
  url: v.nullable(v.string()),
  username: v.nullable(v.string()),
  ca_certificate: v.nullable(v.string()),
  problem: v.nullable(ProblemDocument),
});
export type MqttStatus = v.InferOutput<typeof MqttStatus>;
