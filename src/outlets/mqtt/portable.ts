import { isDeepStrictEqual } from 'node:util';
import { MqttSettings } from '../../contract/index.ts';
import { Problem } from '../../kernel/errors.ts';
import type { Log } from '../../kernel/log.ts';
import { type Portable, portable } from '../../kernel/portable.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import { Settings } from '../../kernel/settings.ts';
import { MqttStore } from './store.ts';

/** The broker that a person entered. */
export function portableMqtt(options: { readonly secrets: Secrets; readonly log: Log }): Portable {
  return portable({
    name: 'mqtt',
    schema: MqttSettings,
    read: async (tables) => {
      const broker = await new MqttStore({ ...options, settings: new Settings(tables()) }).read();
      if (!broker) return undefined;
      const { password, clientKey, caCertificate, clientCertificate, discoveryPrefix, ...rest } = broker;
      if (password instanceof Problem) throw password;
      if (clientKey instanceof Problem) throw clientKey;
      return {
        ...rest,
        password,
        ca_certificate: caCertificate,
        client_certificate: clientCertificate,
        client_key: clientKey,
        discovery_prefix: discoveryPrefix,
      };
    },
    write: async (settings, tables) => {
      const store = new MqttStore({ ...options, settings: new Settings(tables()) });
      const broker = await store.complete(settings);
      if (isDeepStrictEqual(await store.read(), broker)) return false;
      await store.write(broker);
      return true;
    },
  });
}
