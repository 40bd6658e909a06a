import { statSync } from 'node:fs';
import * as v from 'valibot';

/** Where a backup may lie: with the Supervisor, or for as long as Core passes it on to others. */
const Location = v.picklist(['.local', '.cloud_backup']);
const Folders = v.optional(v.array(v.picklist(['share', 'addons/local', 'ssl', 'media'])), []);
const Password = v.optional(v.nullable(v.string()));

/** What Core asks for; anything else is refused, as the Supervisor does. */
export const PartialBackup = v.strictObject({
  name: v.string(),
  password: Password,
  compressed: v.optional(v.boolean()),
  location: v.pipe(v.array(Location), v.minLength(1)),
  homeassistant: v.optional(v.boolean(), false),
  homeassistant_exclude_database: v.optional(v.boolean(), false),
  addons: v.optional(v.union([v.literal('ALL'), v.array(v.string())])),
  folders: Folders,
  background: v.literal(true),
  extra: v.optional(v.record(v.string(), v.unknown()), {}),
  filename: v.optional(v.pipe(v.string(), v.regex(/^[^/]+\.tar$/))),
});
export type PartialBackup = v.InferOutput<typeof PartialBackup>;

/** What Core wants back. */
export const PartialRestore = v.strictObject({
  password: Password,
  location: Location,
  homeassistant: v.literal(true),
  addons: v.optional(v.array(v.string())),
  folders: Folders,
  background: v.literal(true),
});

/** What an archive says of itself: one of the Supervisor, or one that Core wrote by itself. */
export const ArchiveDescription = v.object({
  slug: v.string(),
  name: v.string(),
  date: v.string(),
  protected: v.boolean(),
  homeassistant: v.nullable(v.object({ version: v.string(), exclude_database: v.boolean() })),
  extra: v.optional(v.record(v.string(), v.unknown()), {}),
});

/** A backup that the Supervisor has. */
export interface StoredBackup {
  readonly slug: string;
  readonly path: string;
  readonly description: v.InferOutput<typeof ArchiveDescription>;
  readonly locations: readonly string[];
}

function common({ slug, path, description, locations }: StoredBackup): object {
  const attributes = { protected: description.protected, size_bytes: statSync(path).size };
  return {
    slug,
    name: description.name,
    date: description.date,
    type: 'partial',
    location_attributes: Object.fromEntries(locations.map((location) => [location, attributes])),
    compressed: true,
  };
}

/** As `GET /backups/{slug}/info` describes it. */
export function described(backup: StoredBackup): object {
  const { homeassistant, extra } = backup.description;
  return {
    ...common(backup),
    supervisor_version: '2026.10.0',
    homeassistant: homeassistant?.version ?? null,
    addons: [],
    repositories: [],
    folders: [],
    homeassistant_exclude_database: homeassistant?.exclude_database ?? null,
    extra,
  };
}

/** As `GET /backups` lists it. */
export function listed(backup: StoredBackup): object {
  const homeassistant = backup.description.homeassistant !== null;
  return { ...common(backup), content: { homeassistant, addons: [], folders: [] } };
}
