import type { Device, Operation } from '../../contract/index.ts';
import type { Tone } from '../kit/status.ts';
import { t } from '../words/index.ts';

/** What a person has to see first: the lower, the earlier. */
const URGENCY: Readonly<Record<Tone, number>> = { bad: 0, warn: 1, busy: 2, info: 2, off: 2, ok: 2 };

/** Devices that need a person stand before all others; the rest stays in its order. */
export const byUrgency = (devices: readonly Device[]): Device[] =>
  devices.toSorted((one, other) => URGENCY[standing(one).tone] - URGENCY[standing(other).tone]);

/** How a device stands, in a word. */
export interface Standing {
  readonly tone: Tone;
  readonly word: string;
}

/** What is being done with a device right now. */
export function underWay(device: Device, operations: readonly Operation[]): Operation | undefined {
  return operations.find(
    ({ kind, state, subject }) =>
      state === 'running' && /^device_(backup|restore)$/.test(kind) && subject.device_id === device.id,
  );
}

/** How a device stands. */
export function standing(device: Device, operations: readonly Operation[] = []): Standing {
  const running = underWay(device, operations);
  if (running) {
    const restoring = running.kind === 'device_restore';
    return { tone: 'busy', word: t(restoring ? 'devices.state.restoring' : 'devices.state.running') };
  }
  if (device.given_up) return { tone: 'bad', word: t('devices.state.given_up') };
  if (device.problem) {
    return { tone: device.needs_person ? 'bad' : 'warn', word: t('devices.state.failing') };
  }
  if (!device.backed_up_at) return { tone: 'off', word: t('devices.state.never') };
  return { tone: 'ok', word: t('devices.state.fine') };
}

/** How many versions are kept. */
export const versions = ({ artefacts }: Device): string =>
  artefacts > 0 ? t('devices.versions', { count: artefacts }) : t('devices.history_none');

/** The schedules that have a word. */
const WORDS = ['off', 'hourly', 'daily', 'weekly', 'monthly'] as const;
export type ScheduleWord = (typeof WORDS)[number];

/** What may be chosen; `other` is typed. */
export const SCHEDULE_CHOICES = [...WORDS, 'other'] as const;

export const isWord = (schedule: string): schedule is ScheduleWord =>
  (WORDS as readonly string[]).includes(schedule);

/** A schedule as people read it. */
export function scheduleWords(schedule: string): string {
  if (isWord(schedule)) return t(`devices.schedule.${schedule}`);
  const [, count, unit] = /^every (\d+) (hours|days)$/.exec(schedule) ?? [];
  if (count === undefined) return schedule;
  return t(unit === 'days' ? 'devices.schedule.days' : 'devices.schedule.hours', { count: Number(count) });
}
