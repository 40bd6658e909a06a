import type {
  AgentBackup,
  Backup,
  Happening,
  HomeAssistant,
  Notice,
  Operation,
  StoredBackup,
  Target,
} from '../../src/contract/index.ts';

const HOUR_MS = 3_600_000;

/** Now, minus some hours. */
export const hoursAgo = (hours: number): string => new Date(Date.now() - hours * HOUR_MS).toISOString();

let made = 0;

/** A bucket that works. */
export function target(more: Partial<Target> = {}): Target {
  made += 1;
  const id = more.id ?? `target${made}`;
  return {
    id,
    unique_id: `unique-${id}`,
    name: `Backblaze ${made}`,
    settings: {
      kind: 's3',
      endpoint: 'https://s3.eu-central-003.backblazeb2.com',
      region: 'eu-central-003',
      bucket: 'home-backups',
      folder: 'homeassistant/backups',
      access_key: '003abc',
      path_style: 'auto',
      ca_certificate: '',
      certificate_pin: '',
      proxy: '',
      proxy_user: '',
      storage_class: '',
      encryption: 'off',
      kms_key: '',
      delete_versions: false,
      upload_limit_mbit: 0,
      download_limit_mbit: 0,
      upload_window: '',
      parallel_parts: 0,
    },
    created_at: hoursAgo(1_000),
    refreshed_at: hoursAgo(0.2),
    problem: null,
    problem_since: null,
    checked_at: hoursAgo(0.2),
    newest_backup: hoursAgo(6),
    backups: 12,
    bytes: 41_234_567_890,
    same_disk: false,
    capabilities: null,
    ...more,
  };
}

/** A folder on a share. */
export const folder = (more: Partial<Target> = {}): Target =>
  target({ settings: { kind: 'folder', path: '/media/nas/backups' }, ...more });

/** A backup as Home Assistant describes it. */
export function agentBackup(more: Partial<AgentBackup> = {}): AgentBackup {
  made += 1;
  return {
    addons: [
      { name: 'Mosquitto broker', slug: 'core_mosquitto', version: '6.5.1' },
      { name: 'ESPHome', slug: '5c53de3b_esphome', version: '2026.10.1' },
    ],
    backup_id: made.toString(16).padStart(8, '0'),
    date: hoursAgo(6),
    database_included: true,
    extra_metadata: { with_automatic_settings: true },
    folders: ['media', 'share'],
    homeassistant_included: true,
    homeassistant_version: '2026.11.0',
    name: 'Automatic backup 2026.11.0',
    protected: true,
    size: 3_456_789_012,
    ...more,
  };
}

type Place = Omit<Backup, 'backup'>;

/** A backup that lies in some targets. */
export function stored(
  targets: readonly Target[],
  more: Partial<AgentBackup> = {},
  place: Partial<Place> = {},
): StoredBackup {
  return {
    backup: agentBackup(more),
    places: targets.map(({ id }) => ({
      target_id: id,
      crc32: '0a1b2c3d',
      stored_at: hoursAgo(5.9),
      suspect: null,
      storage_class: null,
      archived: false,
      ...place,
    })),
  };
}

/** A Home Assistant that is connected and knows these targets; `automatic` ones get its automatic backups. */
export function home(targets: readonly Target[], automatic: readonly Target[] = targets): HomeAssistant {
  return {
    state: 'connected',
    via: 'supervisor',
    url: null,
    since: hoursAgo(30),
    problem: null,
    home: {
      name: 'Home',
      version: '2026.11.0',
      language: 'en',
      time_zone: 'Europe/Berlin',
      currency: 'EUR',
      country: 'DE',
    },
    backups: {
      state: 'idle',
      stage: null,
      schedule: {
        recurrence: automatic.length > 0 ? 'daily' : 'never',
        days: [],
        time: null,
        next: hoursAgo(-17),
        last_attempt: hoursAgo(6),
        last_completed: hoursAgo(6),
      },
      encrypted: true,
      locations: [
        { agent_id: 'hassio.local', name: 'Local', automatic: false },
        ...targets.map((each) => ({
          agent_id: `homestash.${each.unique_id}`,
          name: each.name,
          automatic: automatic.includes(each),
        })),
      ],
      last_result: null,
    },
  };
}

export function notice(more: Partial<Notice>): Notice {
  return {
    id: 'notice',
    code: 'target_credentials',
    severity: 'error',
    action: 'edit_target',
    repair: true,
    target_id: null,
    since: hoursAgo(50),
    title: 'Backblaze refuses the access of Homestash',
    text: 'The storage does not know this access key. Nothing new is stored there until this is mended; what is stored there stays.',
    params: {},
    ...more,
  };
}

export function upload(to: Target, more: Partial<Operation> = {}): Operation {
  return {
    id: 'upload1',
    kind: 'upload',
    subject: { target_id: to.id, backup_id: 'abcd1234', name: 'Automatic backup 2026.11.0' },
    state: 'running',
    done: 0,
    total: 3_400_000_000,
    started_at: hoursAgo(0.01),
    ended_at: null,
    problem: null,
    ...more,
  };
}

/** A backup that has arrived, once upon a time. */
export const happening = (id: number, more: Partial<Happening> = {}): Happening => ({
  id,
  at: hoursAgo(100 - id),
  code: 'backup_stored',
  about: 'backups',
  severity: 'info',
  title: `Automatic backup ${id} is stored in Backblaze`,
  text: '2.6 GB have arrived, and the sums agree.',
  target_id: 'bucket',
  backup_id: null,
  problem_id: null,
  ...more,
});
