import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import { checkZip, withZipFile, zipEntries, zipInMemory } from '../artefacts/zip.ts';
import { type SettingsOf, secret, text } from '../fields.ts';
import {
  type BrokerAccess,
  type DeviceContext,
  type FetchedFile,
  handler,
  type Identity,
} from '../handler.ts';
import { type BrokerSession, withBroker } from '../mqtt/request.ts';
import { maskedYaml } from './yaml-text.ts';
import {
  CONFIGURATION,
  COORDINATOR,
  checkCoordinator,
  checkDatabase,
  DATABASE,
  describeDatabase,
  textOf,
  without,
} from './zigbee2mqtt-files.ts';

/** Where it talks unless somebody changed that (settings.schema.json, mqtt.base_topic). */
const USUAL_TOPIC = 'zigbee2mqtt';

const fields = {
  base_topic: text({
    advanced: true,
    default: USUAL_TOPIC,
    // no wildcards, and what Zigbee2MQTT takes itself (settings.schema.json, mqtt.base_topic)
    pattern: [/^[^#+\s/][^#+]*(?<!\/)$/, 'a topic without + and #'],
  }),
  broker: text({
    advanced: true,
    pattern: [/^(mqtts?|wss?):\/\/[^\s@]+$/, 'mqtt://, mqtts:// or ws:// and the name of the broker'],
  }),
  user: text({ advanced: true }),
  password: secret({ advanced: true }),
};
type Context = DeviceContext<SettingsOf<typeof fields>>;

/** The one file. */
const BACKUP = 'zigbee2mqtt-backup.zip';

/** Retained messages come with the subscription; so long a slow broker may take (milliseconds). */
const RETAINED_MS = 5_000;

/** It asks the coordinator for its tables first, which takes tens of seconds in a large network (milliseconds). */
const ANSWER_MS = 120_000;

/** Enough of its words to know why (characters). */
const REASON_LENGTH = 100;

/** `bridge/info` (extension/bridge.ts, publishInfo); only what is used here. */
const Info = v.object({
  version: v.string(),
  coordinator: v.object({ type: v.optional(v.string()), ieee_address: v.optional(v.string()) }),
});
/** `bridge/state` (mqtt.ts): JSON since 2.0, one word before unless that was switched on. */
const State = v.union([v.picklist(['online', 'offline']), v.object({ state: v.string() })]);

/** `bridge/response/backup` (extension/bridge.ts, backup; util/utils.ts, getResponse). */
const Answer = v.variant('status', [
  v.object({ status: v.literal('ok'), transaction: v.string(), data: v.object({ zip: v.string() }) }),
  v.object({ status: v.literal('error'), transaction: v.string(), error: v.optional(v.string()) }),
]);
const OfSomebody = v.object({ transaction: v.optional(v.unknown()) });

/** Everything that is no sign of Base64 (RFC 4648, section 4). */
const NOT_BASE64 = /[^A-Za-z0-9+/]/;

/** Signs come in fours; only the last four may be filled up. */
const isBase64 = (content: string): boolean =>
  content.length % 4 === 0 && !NOT_BASE64.test(content.replace(/={1,2}$/, ''));

/** An answer is held in memory several times while it is taken apart, and a box may have 1 GB (bytes). */
const LARGEST_ANSWER = 64 * 1024 * 1024;

/** What that comes to in an archive: Base64 makes four bytes of three. */
const LARGEST_BACKUP = '48 MiB';

function json(payload: Buffer): unknown {
  const content = payload.toString('utf8');
  try {
    return JSON.parse(content);
  } catch {
    return content;
  }
}

const baseOf = ({ settings }: Context): string => settings.base_topic || USUAL_TOPIC;

/** The broker of the settings, else the one that Homestash is connected to. */
async function brokerOf({ settings, broker }: Context): Promise<BrokerAccess> {
  const { broker: url, user, password } = settings;
  if (url !== '') return { url, username: user, password };
  const own = await broker();
  if (own) return own;
  throw new Problem('device_no_broker');
}

/** Runs what wants a broker. One that a person named is trusted as it was met first, our own as it is everywhere else. */
async function connected<Result>(
  context: Context,
  work: (session: BrokerSession) => Promise<Result>,
): Promise<Result> {
  const { clock, signal, settings, trust } = context;
  const broker = await brokerOf(context);
  const limit = {
    bytes: LARGEST_ANSWER,
    problem: () => new Problem('artefact_too_large', { params: { file: BACKUP, limit: LARGEST_BACKUP } }),
  };
  return withBroker({ broker, clock, signal, limit, ...(settings.broker === '' ? {} : { trust }) }, work);
}

/** @throws Problem `device_failed` where it is not running */
function heedState(payload: Buffer, host: string): 'online' | undefined {
  const parsed = v.safeParse(State, json(payload));
  if (!parsed.success) return undefined;
  const state = typeof parsed.output === 'string' ? parsed.output : parsed.output.state;
  if (state !== 'offline') return 'online';
  throw new Problem('device_failed', { params: { host, reason: 'Zigbee2MQTT is not running' } });
}

/** What is retained of it, when it is there. */
async function look(session: BrokerSession, base: string): Promise<Identity> {
  const { host } = session;
  await session.subscribe([`${base}/bridge/state`, `${base}/bridge/info`]);
  let info: unknown;
  let state: string | undefined;
  await session.until(RETAINED_MS, ({ topic, payload }) => {
    if (topic === `${base}/bridge/state`) state = heedState(payload, host);
    if (topic === `${base}/bridge/info`) info = json(payload);
    return info === undefined ? undefined : state;
  });
  if (info === undefined) {
    const reason = `no Zigbee2MQTT under the topic ${base.slice(0, REASON_LENGTH)}`;
    throw new Problem('device_failed', { params: { host, reason } });
  }
  const parsed = v.safeParse(Info, info);
  if (!parsed.success) {
    throw new Problem('device_unexpected', { params: { host, reason: 'bridge/info' } });
  }
  const { version, coordinator } = parsed.output;
  return {
    id: coordinator.ieee_address,
    name: base,
    model: 'Zigbee2MQTT',
    firmware: version,
    chip: coordinator.type,
  };
}

/** Has it pack its folder. Answers to others are passed over. */
async function backup(session: BrokerSession, base: string): Promise<Buffer> {
  const { host } = session;
  const transaction = crypto.randomUUID();
  await session.subscribe([`${base}/bridge/response/backup`]);
  await session.publish(`${base}/bridge/request/backup`, JSON.stringify({ transaction }));
  const zip = await session.until(ANSWER_MS, ({ topic, payload }) => {
    if (topic === `${base}/bridge/state`) heedState(payload, host);
    if (topic !== `${base}/bridge/response/backup`) return undefined;
    const content = json(payload);
    const some = v.safeParse(OfSomebody, content);
    if (!some.success || some.output.transaction !== transaction) return undefined;
    const answer = v.safeParse(Answer, content);
    if (!answer.success) {
      throw new Problem('device_unexpected', { params: { host, reason: 'bridge/response/backup' } });
    }
    if (answer.output.status === 'ok') return answer.output.data.zip;
    const reason = (answer.output.error ?? 'status error').slice(0, REASON_LENGTH);
    throw new Problem('device_failed', { params: { host, reason } });
  });
  if (zip === undefined) throw new Problem('device_timeout', { params: { host } });
  if (!isBase64(zip)) throw new Problem('artefact_cut', { params: { file: BACKUP } });
  return Buffer.from(zip, 'base64');
}

/**
 * Zigbee2MQTT from 1.18.1, over the broker that it uses; tested on the real one with a radio that is simulated. The answer comes in one
 * piece: in memory there are for a moment the message, its text and the zip, about four times the zip.
 */
export const zigbee2mqtt = handler({
  kind: 'zigbee2mqtt',
  fields,
  extension: 'zip',
  place: ({ broker, base_topic }) => `${broker || 'mqtt'}/${base_topic || USUAL_TOPIC}`,
  test: (context) => connected(context, (session) => look(session, baseOf(context))),
  fetch: async function* (context): AsyncGenerator<FetchedFile> {
    const base = baseOf(context);
    const content = await connected(context, async (session) => {
      await look(session, base);
      return backup(session, base);
    });
    yield { name: BACKUP, content };
  },
  validate: (saved) =>
    withZipFile(saved.get(BACKUP), async (source) => {
      const entries = await checkZip(source);
      const read = (name: string) => textOf(source, entries, name);
      const { parseDocument } = await import('yaml');
      const { errors, contents } = parseDocument(await read(CONFIGURATION), { logLevel: 'silent' });
      if (errors.length > 0 || contents === null) throw without(source.name, CONFIGURATION);
      checkDatabase(source.name, await read(DATABASE));
      // not every coordinator can be read
      if (entries.some(({ name }) => name === COORDINATOR)) {
        checkCoordinator(source.name, await read(COORDINATOR));
      }
    }),
  normalise: async (name, bytes) => {
    const source = zipInMemory(name, bytes);
    const entries = await zipEntries(source);
    const read = (file: string) => textOf(source, entries, file);
    const others = entries
      .filter((entry) => ![CONFIGURATION, DATABASE].includes(entry.name))
      .map(({ name: file, size }) => (CHANGING.test(file) ? file : `${file} ${size}`))
      .toSorted();
    const parts = [
      maskedYaml(await read(CONFIGURATION)).trimEnd(),
      describeDatabase(await read(DATABASE)),
      others.join('\n'),
    ];
    return `${parts.join('\n\n')}\n`;
  },
});

/** What it writes anew by itself: states of devices, counters of the coordinator, copies; only that they are there is compared. */
const CHANGING = /^(state\.json|coordinator_backup\.json)$|\.(backup|tmp|log)$/;
