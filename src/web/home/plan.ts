import type { HomeAssistant, Target } from '../../contract/index.ts';

/** How Home Assistant calls a target of ours. */
export const agentOf = ({ unique_id }: Pick<Target, 'unique_id'>): string => `homestash.${unique_id}`;

/** What a click on "back up now" can lead to. */
type Plan =
  | { readonly way: 'automatic' }
  | { readonly way: 'to'; readonly agent_ids: readonly string[] }
  /** There is no way into Home Assistant. */
  | { readonly way: 'connect' }
  /** Home Assistant does not know our targets: its integration is not there. */
  | { readonly way: 'pair' };

/** The targets that Home Assistant knows as locations. */
export function known(home: HomeAssistant, targets: readonly Target[]): readonly Target[] {
  const ids = new Set(home.backups?.locations.map(({ agent_id }) => agent_id));
  return targets.filter((target) => ids.has(agentOf(target)));
}

/** Whether Home Assistant's automatic backups go to a target. */
export function isAutomatic(home: HomeAssistant, target: Target): boolean {
  return (
    home.backups?.locations.some((place) => place.automatic && place.agent_id === agentOf(target)) ?? false
  );
}

/** Whether Home Assistant makes backups by itself, and they go to a target. */
export function isScheduled(home: HomeAssistant, target: Target): boolean {
  return isAutomatic(home, target) && home.backups?.schedule.recurrence !== 'never';
}

/** How a backup is made now: as the automatic ones, where those come here; otherwise to all of our targets, or the wanted one. */
export function planBackUp(home: HomeAssistant, targets: readonly Target[], only?: Target): Plan {
  if (home.state === 'off' || home.state === 'refused' || !home.backups) return { way: 'connect' };
  if (only) return { way: 'to', agent_ids: [agentOf(only)] };
  if (targets.some((target) => isAutomatic(home, target))) return { way: 'automatic' };
  const agents = known(home, targets).map(agentOf);
  return agents.length > 0 ? { way: 'to', agent_ids: agents } : { way: 'pair' };
}
