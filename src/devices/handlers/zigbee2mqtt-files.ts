import * as v from 'valibot';
import { Problem } from '../../kernel/errors.ts';
import { type ZipEntry, type ZipSource, zipBytes } from '../artefacts/zip.ts';

/** What lies in the data folder of Zigbee2MQTT: its settings, what it knows of the network, and what the coordinator holds. */
export const CONFIGURATION = 'configuration.yaml';
export const DATABASE = 'database.db';
export const COORDINATOR = 'coordinator_backup.json';

/** The database of a network with hundreds of devices is a megabyte (bytes). */
const TEXT_LIMIT = 16 * 1024 * 1024;

/** A line of the database (zigbee-herdsman, controller/database.ts); only what is used here. */
const Entry = v.object({
  id: v.number(),
  type: v.string(),
  ieeeAddr: v.optional(v.string()),
  modelId: v.optional(v.string()),
  manufName: v.optional(v.string()),
  groupID: v.optional(v.number()),
  members: v.optional(v.array(v.unknown())),
});

/** The open format (zigpy/open-coordinator-backup, 128 bits in hexadecimal), and the one of Z-Stack before it. */
const Coordinator = v.union([
  v.object({ network_key: v.object({ key: v.pipe(v.string(), v.regex(/^[\da-f]{32}$/i)) }) }),
  v.object({ adapterType: v.literal('zStack'), data: v.looseObject({}) }),
]);

/** That a file is not in the archive, or is not what it should be. */
export const without = (archive: string, file: string): Problem =>
  new Problem('artefact_wrong', { params: { file: archive, reason: `no ${file} in it` } });

/** A file of the archive as text. @throws Problem `artefact_wrong` where it is missing or very large */
export async function textOf(source: ZipSource, entries: readonly ZipEntry[], name: string): Promise<string> {
  const entry = entries.find((one) => one.name === name);
  if (!entry) throw without(source.name, name);
  return (await zipBytes(source, entry, TEXT_LIMIT)).toString('utf8');
}

function entriesOf(content: string): v.InferOutput<typeof Entry>[] | undefined {
  const lines = content.split('\n').filter((line) => line.trim() !== '');
  const parsed = v.safeParse(v.array(v.pipe(v.string(), v.parseJson(), Entry)), lines);
  return parsed.success && parsed.output.length > 0 ? parsed.output : undefined;
}

/** @throws Problem `artefact_wrong` where a line is no JSON or there is none */
export function checkDatabase(archive: string, content: string): void {
  if (!entriesOf(content)) throw without(archive, DATABASE);
}

/** @throws Problem `artefact_wrong` where there is no key of the network in it */
export function checkCoordinator(archive: string, content: string): void {
  if (!v.is(v.pipe(v.string(), v.parseJson(), Coordinator), content)) throw without(archive, COORDINATOR);
}

/** The devices and groups of a database, one a line, without when they were seen and what they said. */
export function describeDatabase(content: string): string {
  return (entriesOf(content) ?? [])
    .map(({ type, ieeeAddr, modelId, manufName, groupID, members }) =>
      (groupID === undefined
        ? [ieeeAddr, type, manufName, modelId]
        : [type, groupID, `${members?.length ?? 0} members`]
      )
        .filter((word) => word !== undefined)
        .join(' '),
    )
    .toSorted()
    .join('\n');
}
