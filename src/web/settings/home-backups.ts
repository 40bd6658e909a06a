import { html, nothing, type TemplateResult } from 'lit';
import { type HomeAssistant, type HomeAssistantBackups, PATHS } from '../../contract/index.ts';
import { useAutomatic } from '../home/automatic.ts';
import { agentOf } from '../home/plan.ts';
import { toggle } from '../kit/field.ts';
import { skeleton } from '../kit/skeleton.ts';
import { status } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import type { App } from '../shell/app.ts';
import { locale, t } from '../words/index.ts';

type Location = HomeAssistantBackups['locations'][number];

/** Ours are those of our integration. */
const OURS = 'homestash.';

/** Home Assistant's names of the days of a week, and a week that begins with the first of them. */
const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const MONDAY = Date.UTC(2024, 0, 1);
const DAY_MS = 86_400_000;

/** `Monday and Thursday` */
function days(names: readonly string[]): string {
  const format = new Intl.DateTimeFormat(locale(), { weekday: 'long', timeZone: 'UTC' });
  const words = DAYS.flatMap((name, at) =>
    names.includes(name) ? [format.format(MONDAY + at * DAY_MS)] : [],
  );
  return new Intl.ListFormat(locale()).format(words);
}

/** When Home Assistant makes backups by itself: `Every day at 04:45`. */
function rhythm({ recurrence, days: names, time }: HomeAssistantBackups['schedule']): string {
  if (recurrence === 'never') return t('settings.home.never');
  const when =
    recurrence === 'daily' ? t('settings.home.daily') : t('settings.home.on', { days: days(names) });
  return time === null ? when : t('settings.home.at', { when, time: time.slice(0, '04:45'.length) });
}

function lastResult({ schedule, last_result }: HomeAssistantBackups): TemplateResult | string {
  if (last_result?.outcome === 'failed') {
    return status('bad', html`${t('settings.home.failed')} ${ago(last_result.at)}`);
  }
  const at = last_result?.at ?? schedule.last_completed;
  return at ? status('ok', html`${t('settings.home.completed')} ${ago(at)}`) : t('settings.home.no_last');
}

/** Home Assistant's own schedule, how it went, and to which of its locations automatic backups go. */
export function homeBackups(app: App, { backups, state }: HomeAssistant): TemplateResult {
  if (!backups) return state === 'connected' || state === 'connecting' ? skeleton(8) : html``;
  const { schedule, encrypted, locations } = backups;
  const sorted = locations.toSorted((a, b) => Number(isOurs(b)) - Number(isOurs(a)));
  return html`
    <section class="card">
      <h2>${t('settings.home.schedule')}</h2>
      ${backups.state === 'create_backup' ? html`<p>${status('busy', t('settings.home.making'))}</p>` : nothing}
      <dl class="facts">
        <dt>${t('settings.home.rhythm')}</dt>
        <dd>${rhythm(schedule)}</dd>
        <dt>${t('settings.home.next')}</dt>
        <dd>${schedule.next ? ago(schedule.next) : t('settings.home.no_next')}</dd>
        <dt>${t('settings.home.last')}</dt>
        <dd>${lastResult(backups)}</dd>
        <dt>${t('settings.home.encrypted')}</dt>
        <dd>${t(encrypted ? 'yes' : 'no')}</dd>
      </dl>
    </section>
    <section class="card">
      <h2>${t('settings.home.locations')}</h2>
      <p class="quiet">${t('settings.home.locations_text')}</p>
      <div>${sorted.map((location) => locationSwitch(app, location))}</div>
    </section>
  `;
}

const isOurs = ({ agent_id }: Location): boolean => agent_id.startsWith(OURS);

function locationSwitch(app: App, location: Location): TemplateResult {
  const { agent_id, name, automatic } = location;
  return toggle({
    id: `location-${agent_id}`,
    label: name,
    help: t(isOurs(location) ? 'settings.home.ours' : 'settings.home.others'),
    on: automatic,
    change: (enabled) => setAutomatic(app, location, enabled),
  });
}

async function setAutomatic(app: App, location: Location, enabled: boolean): Promise<void> {
  const { agent_id, name } = location;
  try {
    const target = app.data.targets.value?.targets.find((known) => agentOf(known) === agent_id);
    const sleeps = app.data.home.value?.backups?.schedule.recurrence === 'never';
    if (enabled && target && sleeps) {
      // without a schedule, and perhaps without a key, there is more to ask
      await useAutomatic(app, [target]);
    } else {
      await app.api.put(PATHS.home_assistant_automatic, { body: { agent_id, enabled } });
      app.toasts.say(t(enabled ? 'settings.home.on_now' : 'settings.home.off_now', { name }));
    }
  } catch (error) {
    app.toasts.fail(error);
  }
  // also what was refused: the switch shows what is
  await app.data.home.refresh();
}
