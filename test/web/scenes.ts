import { PATHS, type Webhook } from '../../src/contract/index.ts';
import { Problem } from '../../src/kernel/errors.ts';
import { wordProblem } from '../../src/kernel/texts.ts';
import type { FakeCore } from './fake-core.ts';
import { folder, happening, home, hoursAgo, notice, stored, target, upload } from './shapes.ts';

const DAY = 24;

/** A home where all is well: a bucket and a NAS, a month of daily backups, older ones by the week. */
export function quietHome(core: FakeCore): void {
  const bucket = target({ id: 'bucket', name: 'Backblaze', backups: 14 });
  const nas = folder({ id: 'nas', name: 'NAS', backups: 20, bytes: 68_000_000_000 });
  const hours = [
    ...Array.from({ length: 14 }, (_, at) => 6 + at * DAY),
    ...[21, 28, 35, 42, 49, 56].map((day) => day * DAY),
  ];
  const backups = hours.map((age, at) =>
    stored(
      age > 15 * DAY ? [nas] : [bucket, nas],
      {
        backup_id: `0000000${at.toString(36)}`,
        date: hoursAgo(age),
        size: 2_600_000_000 + ((at * 733) % 11) * 150_000_000,
      },
      at === 15 ? { crc32: null } : {},
    ),
  );
  core.on(`GET ${PATHS.targets}`, () => ({ targets: [bucket, nas] }));
  core.on(`GET ${PATHS.all_backups}`, () => ({ backups, targets_unread: [] }));
  core.on(`GET ${PATHS.home_assistant}`, () => home([bucket, nas]));
  core.on(`GET ${PATHS.overview}`, () => ({
    verdict: 'safe',
    last_backup: { at: hoursAgo(6), name: 'Automatic backup 2026.11.0', size: 2_600_000_000, places: 2 },
    next_backup: hoursAgo(-17),
    notices: [],
  }));
}

/** Backblaze has refused the key for two days, the NAS goes on; an upload is under way. */
export function troubledHome(core: FakeCore): void {
  const refused = wordProblem(new Problem('target_wrong_key'));
  const bucket = target({
    id: 'bucket',
    name: 'Backblaze',
    backups: 12,
    problem: refused,
    problem_since: hoursAgo(50),
    newest_backup: hoursAgo(54),
  });
  const nas = folder({ id: 'nas', name: 'NAS', backups: 20, bytes: 68_000_000_000 });
  const backups = Array.from({ length: 10 }, (_, at) =>
    stored(at < 2 ? [nas] : [bucket, nas], { backup_id: `000000${at}`, date: hoursAgo(6 + at * DAY) }),
  );
  core.on(`GET ${PATHS.targets}`, () => ({ targets: [bucket, nas] }));
  core.on(`GET ${PATHS.all_backups}`, () => ({ backups, targets_unread: [] }));
  core.on(`GET ${PATHS.operations}`, () => ({ operations: [upload(nas, { done: 1_200_000_000 })] }));
  core.on(`GET ${PATHS.home_assistant}`, () => home([bucket, nas]));
  core.on(`GET ${PATHS.overview}`, () => ({
    verdict: 'attention',
    last_backup: { at: hoursAgo(6), name: 'Automatic backup 2026.11.0', size: 2_600_000_000, places: 1 },
    next_backup: hoursAgo(-17),
    notices: [
      notice({ target_id: 'bucket' }),
      notice({
        id: 'suspect',
        code: 'backup_suspect',
        severity: 'warning',
        action: 'open_backups',
        since: null,
        title: 'A backup at NAS looks odd',
        text: 'Automatic backup 2026.11.0 was stored as it came, though its content is not as expected. Make a new one to be safe.',
      }),
    ],
  }));
}

/** As it is right after the first start: a folder on the disk of the device, and nobody who sends anything. */
export function freshHome(core: FakeCore): void {
  const local = folder({
    id: 'local',
    name: 'This device',
    settings: { kind: 'folder', path: '' },
    same_disk: true,
    backups: 0,
    bytes: 0,
    newest_backup: null,
  });
  core.on(`GET ${PATHS.targets}`, () => ({ targets: [local] }));
  core.on(`GET ${PATHS.overview}`, () => ({
    verdict: 'unsafe',
    last_backup: null,
    next_backup: null,
    notices: [
      notice({
        id: 'pair',
        code: 'not_paired',
        severity: 'warning',
        action: 'pair',
        since: null,
        title: 'Home Assistant is not paired yet',
        text: 'Install the Homestash integration and connect it: only then can Home Assistant store its backups here.',
      }),
    ],
  }));
}

/** As many backups as somebody may have, with the longest names that there are. */
export function fullHome(core: FakeCore): void {
  const long = target({
    id: 'long',
    name: 'Datensicherungsspeicherortbezeichnungsfeld',
    backups: 500,
    bytes: 1_900_000_000_000,
  });
  const nas = folder({ id: 'nas', name: 'NAS', backups: 500, bytes: 1_900_000_000_000 });
  const backups = Array.from({ length: 500 }, (_, at) =>
    stored(
      at % 7 === 0 ? [nas] : [long, nas],
      {
        backup_id: `many${at}`,
        date: hoursAgo(6 + at * DAY),
        protected: at % 5 !== 0,
        name:
          at === 3 ? 'Vor der großen Aktualisierung des Heizungssteuerungssystems' : `Automatic backup ${at}`,
      },
      at === 2 ? { suspect: 'no backup.json' } : {},
    ),
  );
  core.on(`GET ${PATHS.targets}`, () => ({ targets: [long, nas] }));
  core.on(`GET ${PATHS.all_backups}`, () => ({ backups, targets_unread: [] }));
  core.on(`GET ${PATHS.home_assistant}`, () => home([long, nas]));
}

/** A backup that did not arrive. */
export const failed = happening(98, {
  code: 'backup_failed',
  severity: 'error',
  title: 'Automatic backup 2026.11.0 did not arrive at Backblaze',
  text: 'The storage does not know the access key. Earlier backups there are not affected.',
});

/** Some days in which this and that has happened. */
export function busyHome(core: FakeCore): void {
  core.on(`GET ${PATHS.journal}`, ({ query }) =>
    query.before === undefined
      ? { entries: [happening(99), failed, happening(75), happening(51)], next: 51 }
      : { entries: [happening(27)], next: null },
  );
}

/** A phone that has heard everything. */
export const webhook = (more: Partial<Webhook> = {}): Webhook => ({
  ...{ id: 'phone', name: 'Phone', kind: 'ntfy', host: 'ntfy.sh', has_token: true, severity: 'error' },
  ...{ topics: [], enabled: true, waiting: 0, problem: null },
  deliveries: [
    {
      ...{ id: 'm2', title: 'Over: Backblaze is not reached', state: 'delivered', attempts: 1 },
      ...{ created_at: hoursAgo(1), next_at: null, ended_at: hoursAgo(1), problem: null },
    },
    {
      ...{ id: 'm1', title: 'Backblaze is not reached', state: 'delivered', attempts: 3 },
      ...{ created_at: hoursAgo(3), next_at: null, ended_at: hoursAgo(2), problem: null },
    },
  ],
  ...more,
});

/** A chat that is not there any more. */
export const failing = webhook({
  ...{ id: 'chat', name: 'Family chat', kind: 'discord', host: 'discord.com', has_token: false, waiting: 2 },
  problem: wordProblem(new Problem('webhook_missing', { params: { host: 'discord.com', status: '404' } })),
});
