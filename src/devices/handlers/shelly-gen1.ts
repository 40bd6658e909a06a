import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import type { FetchedFile, SavedFiles } from '../handler.ts';
import type { DeviceHttp } from '../http/client.ts';

/** `settings.json`: all settings in one document (`GET /settings`). */
export const SETTINGS = 'settings.json';
/** `actions.json`: what is called upon events (`GET /settings/actions`, since 1.8). In the settings stand only their names. */
const ACTIONS = 'actions.json';

const Settings = v.looseObject({
  device: v.looseObject({ type: v.string(), mac: v.string() }),
  name: v.nullish(v.string()),
});
const Actions = v.looseObject({ actions: v.looseObject({}) });

/** The name that a person gave it. Signs in. */
export async function nameOf(http: DeviceHttp): Promise<string | undefined> {
  const settings = v.safeParse(Settings, await (await http.ask({ path: '/settings' })).json());
  if (!settings.success) {
    throw new Problem('device_unexpected', { params: { host: http.host, reason: '/settings' } });
  }
  return settings.output.name ?? undefined;
}

/** All that a device of the first generation gives out. */
export async function* fetchFirst(http: DeviceHttp): AsyncGenerator<FetchedFile> {
  yield { name: SETTINGS, content: (await http.ask({ path: '/settings' })).body };
  const actions = await http.ask({ path: '/settings/actions', accept: [200, 404] });
  if (actions.status === 200) yield { name: ACTIONS, content: actions.body };
  else await actions.drain();
}

/** @throws Problem `artefact_…` */
export async function validateFirst(saved: SavedFiles): Promise<void> {
  for (const file of saved.files) {
    const text = await file.text();
    let content: unknown;
    try {
      content = JSON.parse(text);
    } catch {
      if (/^\s*\{/.test(text)) throw new Problem('artefact_cut', { params: { file: file.name } });
      throw wrong(file.name, 'no JSON');
    }
    if (!v.is(file.name === SETTINGS ? Settings : Actions, content))
      throw wrong(file.name, 'another content');
  }
}

const wrong = (file: string, reason: string) => new Problem('artefact_wrong', { params: { file, reason } });
