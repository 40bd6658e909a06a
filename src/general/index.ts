import { GeneralSettings, GeneralSettingsPatch, PATHS } from '../contract/index.ts';
import type { Bus } from '../kernel/bus.ts';
import type { Feature } from '../kernel/feature.ts';
import { jsonRoute } from '../kernel/http/route.ts';
import type { General } from './settings.ts';

/** What others must hear of the settings of the core as a whole. */
export interface GeneralEvents {
  settings_changed: Record<never, never>;
}

interface GeneralOptions {
  readonly general: General;
  readonly bus: Bus<GeneralEvents>;
}

/** The settings of the core as a whole: its name, who may use it from other pages, when backups are overdue. */
export function createGeneral({ general, bus }: GeneralOptions): Feature {
  return {
    name: 'general',
    routes: [
      jsonRoute({
        method: 'GET',
        path: PATHS.settings,
        summary: 'Read the general settings',
        response: GeneralSettings,
        handle: async () => general.current,
      }),
      jsonRoute({
        method: 'PATCH',
        path: PATHS.settings,
        summary: 'Change general settings; what is absent stays',
        access: 'person',
        body: GeneralSettingsPatch,
        response: GeneralSettings,
        handle: async ({ body }) => {
          if (await general.change(body)) bus.emit('settings_changed', {});
          return general.current;
        },
      }),
    ],
  };
}
