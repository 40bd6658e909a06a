import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import { address, type SettingsOf, secret, text } from '../fields.ts';
import { type DeviceContext, handler, type Identity, type SavedFiles } from '../handler.ts';
import type { DeviceHttp } from '../http/client.ts';
import { comparable, isSecretName, MASK } from './json.ts';
import { fetchFirst, nameOf, SETTINGS, validateFirst } from './shelly-gen1.ts';
import { filesOf, readState, savedState } from './shelly-gen2.ts';
import { firstDifference, ShellyRestore } from './shelly-restore.ts';
import { ShellyRpc } from './shelly-rpc.ts';

const NAME = 'Shelly';
const ADMIN = 'admin';

const fields = {
  address: address(),
  password: secret(),
  user: text({ advanced: true, default: ADMIN }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** `GET /shelly` as the first generation answers, and as all later ones do. It asks for no password. */
const First = v.object({ type: v.string(), mac: v.string(), fw: v.string(), auth: v.boolean() });
const Later = v.object({
  gen: v.pipe(v.number(), v.minValue(2)),
  mac: v.string(),
  model: v.string(),
  ver: v.string(),
  name: v.nullish(v.string()),
});
type Answer =
  | { readonly first: v.InferOutput<typeof First>; readonly later?: never }
  | { readonly later: v.InferOutput<typeof Later>; readonly first?: never };

async function ask(http: DeviceHttp): Promise<Answer | undefined> {
  const answer = await http.ask({ path: '/shelly', accept: [200, 404] });
  if (answer.status === 404) {
    await answer.drain();
    return undefined;
  }
  const content = await answer.json();
  const later = v.safeParse(Later, content);
  if (later.success) return { later: later.output };
  const first = v.safeParse(First, content);
  return first.success ? { first: first.output } : undefined;
}

function identity({ first, later }: Answer): Identity {
  if (first) return { id: first.mac.toLowerCase(), model: first.type, firmware: first.fw };
  const { mac, model, ver, name } = later;
  return { id: mac.toLowerCase(), model, firmware: ver, name: name ?? undefined };
}

/** Whom one speaks to, with what it wants to know: the first generation takes a password as it is, so it gets none unasked. */
async function open({ settings, http }: Context): Promise<Answer & { readonly http: DeviceHttp }> {
  const { address: where, user, password } = settings;
  const plain = http({ address: where });
  const answer = await ask(plain);
  if (!answer) throw new Problem('device_other_kind', { params: { host: plain.host, kind: NAME } });
  if (answer.later) {
    const credentials = password === '' ? undefined : { username: ADMIN, password };
    return { ...answer, http: http({ address: where, credentials }) };
  }
  if (!answer.first.auth) return { ...answer, http: plain };
  if (password === '') throw new Problem('device_password', { params: { host: plain.host } });
  const credentials = { username: user === '' ? ADMIN : user, password };
  return { ...answer, http: http({ address: where, credentials, basic: true }) };
}

/** Such files come from the first generation. */
const isFirst = (saved: SavedFiles): boolean => saved.files.some(({ name }) => name === SETTINGS);

/** A device that takes back what was saved. @throws Problem `restore_impossible` for the first generation */
async function writable(context: Context, saved: SavedFiles): Promise<ShellyRpc> {
  const found = isFirst(saved) ? undefined : await open(context);
  if (!found?.later) throw new Problem('restore_impossible', { params: { kind: NAME } });
  return new ShellyRpc(found.http);
}

/** Counters, times, firmware, and what is switched at the moment, in the settings of both generations. */
const NOISE =
  /^(sys\.(cfg_rev|device\.fw_id)|time|unixtime|fw|build_info|cloud\.connected|(relays|lights|rollers)\.\d+\.(ison|has_timer|overpower|state|power|is_valid|brightness|gain|red|green|blue|white|temp))$/;

/** Of the access point of the first generation, and of Bluetooth devices; and of the first generation's display. */
const SECRETS = /^(key|pin_code)$/;

/** Passwords within addresses: `http://user:word@…`, `?token=word`. */
const withoutPasswords = (content: string): string =>
  content
    .replace(/(:\/\/)[^/@\s"]+@/g, `$1${MASK}@`)
    .replace(/([?&]([\w-]+)=)[^&"\s\\]+/g, (all, start: string, name: string) =>
      isSecretName(name) || /^(auth|key|apikey|auth_key)$/i.test(name) ? `${start}${MASK}` : all,
    );

/** Shelly devices of all generations; tested against simulators that the clients `aioshelly` and `shelly-backup` prove. */
export const shelly = handler({
  kind: 'shelly',
  fields,
  extension: 'json',
  place: ({ address: where }) => where,
  test: async (context) => {
    const found = await open(context);
    if (found.first) return { ...identity(found), name: await nameOf(found.http) };
    // what /shelly says needs no password, so something is asked that does
    await new ShellyRpc(found.http).call('Sys.GetConfig', v.looseObject({}));
    return identity(found);
  },
  fetch: async function* (context) {
    const found = await open(context);
    if (found.first) yield* fetchFirst(found.http);
    else yield* filesOf(await readState(new ShellyRpc(found.http)));
  },
  validate: async (saved) => {
    if (isFirst(saved)) await validateFirst(saved);
    else await savedState(saved);
  },
  normalise: (name, bytes) => {
    if (name.endsWith('.js')) return bytes.toString('utf8');
    const content = comparable(bytes, { noise: NOISE, secrets: SECRETS });
    return content === undefined ? undefined : withoutPasswords(content);
  },
  restore: {
    same: ['model'],
    warnings: ['replaces', 'connections', 'first'],
    awayMs: 60_000,
    run: async (context, saved) => {
      await ShellyRestore.run(await writable(context, saved), await savedState(saved));
    },
    verify: async (context, saved) => {
      const now = await readState(await writable(context, saved));
      const file = firstDifference(await savedState(saved), now);
      if (file !== undefined) throw new Problem('restore_different', { params: { file } });
    },
  },
  discovery: {
    // the first generation only announces its pages
    mdns: ['_shelly._tcp', '_http._tcp'],
    integrations: ['shelly'],
    port: 80,
    recognise: async (http) => {
      const found = await ask(http);
      return found && identity(found);
    },
  },
});
