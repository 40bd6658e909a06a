import {
  type About,
  type AllBackups,
  type CoreEvent,
  type DeviceKindList,
  type DeviceList,
  type GeneralSettings,
  type HomeAssistant,
  type JournalPage,
  type MqttStatus,
  type OperationList,
  type Overview,
  PATHS,
  type ProviderList,
  type RecoveryKeyState,
  type ShownDevices,
  type TargetList,
  type TokenList,
  type WebhookList,
} from '../../contract/index.ts';
import type { Api } from './client.ts';
import { type EventName, Live } from './live.ts';

/** An operation that changed comes with its event. */
function applyOperation(list: OperationList, event: CoreEvent): OperationList | undefined {
  if (event.event !== 'operation_changed') return undefined;
  const { operation } = event;
  const known = list.operations.some(({ id }) => id === operation.id);
  const operations = known
    ? list.operations.map((other) => (other.id === operation.id ? operation : other))
    : [operation, ...list.operations];
  return { operations };
}

/** All that pages show of the core; a page names what it looks at, see `Page.watch`. */
export function createData(api: Api) {
  const live = <Value>(path: string, ...events: EventName[]) =>
    new Live<Value>({ fetch: () => api.get<Value>(path), events });
  return {
    overview: live<Overview>(PATHS.overview, 'overview_changed'),
    backups: live<AllBackups>(PATHS.all_backups, 'targets_changed', 'backups_changed'),
    targets: live<TargetList>(PATHS.targets, 'targets_changed', 'backups_changed'),
    providers: live<ProviderList>(PATHS.providers),
    devices: live<DeviceList>(PATHS.devices, 'devices_changed'),
    kinds: live<DeviceKindList>(PATHS.device_kinds),
    home: live<HomeAssistant>(PATHS.home_assistant, 'home_assistant_changed'),
    mqtt: live<MqttStatus>(PATHS.mqtt, 'mqtt_changed'),
    tokens: live<TokenList>(PATHS.tokens, 'tokens_changed'),
    settings: live<GeneralSettings>(PATHS.settings, 'settings_changed'),
    recovery: live<RecoveryKeyState>(PATHS.recovery_key, 'recovery_key_changed'),
    about: live<About>(PATHS.about),
    shown: live<ShownDevices>(
      PATHS.mqtt_devices,
      'mqtt_changed',
      'targets_changed',
      'backups_changed',
      'overview_changed',
    ),
    webhooks: live<WebhookList>(PATHS.webhooks, 'webhooks_changed'),
    journal: live<JournalPage>(PATHS.journal, 'journal_changed'),
    operations: new Live<OperationList>({
      fetch: () => api.get(PATHS.operations),
      events: ['operation_changed'],
      apply: applyOperation,
    }),
  };
}
export type Data = ReturnType<typeof createData>;
