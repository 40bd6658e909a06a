import { type Language, MqttSettings, MqttStatus, PATHS, ShownDevices } from '../../contract/index.ts';
import { jsonRoute, type Route } from '../../kernel/http/route.ts';
import { chooseLanguage } from '../../kernel/texts.ts';

interface MqttHandlers {
  /** What Home Assistant is shown. */
  shown(language: Language): ShownDevices;
  status(language: Language): MqttStatus;
  /** Tries, keeps and takes what was entered. @throws Problem why it cannot be used. */
  use(settings: MqttSettings, signal: AbortSignal): Promise<void>;
  /** Forgets what was entered. */
  forget(): Promise<void>;
}

/** The broker, as the settings page shows and changes it. */
export function mqttRoutes({ status, shown, use, forget }: MqttHandlers): Route[] {
  const answer = (header: (name: string) => string | undefined) =>
    status(chooseLanguage(header('accept-language')));
  return [
    jsonRoute({
      method: 'GET',
      path: PATHS.mqtt,
      summary: 'Say to which MQTT broker the core is connected',
      response: MqttStatus,
      handle: async ({ header }) => answer(header),
    }),
    jsonRoute({
      method: 'GET',
      path: PATHS.mqtt_devices,
      summary: 'Read what Home Assistant is shown over MQTT, as it stands now',
      response: ShownDevices,
      handle: async ({ header }) => shown(chooseLanguage(header('accept-language'))),
    }),
    jsonRoute({
      method: 'PUT',
      path: PATHS.mqtt,
      summary: 'Try an MQTT broker, and use it from then on',
      access: 'person',
      body: MqttSettings,
      response: MqttStatus,
      handle: async ({ body, signal, header }) => {
        await use(body, signal);
        return answer(header);
      },
    }),
    jsonRoute({
      method: 'DELETE',
      path: PATHS.mqtt,
      summary: 'Forget the MQTT broker that was entered',
      access: 'person',
      response: MqttStatus,
      handle: async ({ header }) => {
        await forget();
        return answer(header);
      },
    }),
  ];
}
