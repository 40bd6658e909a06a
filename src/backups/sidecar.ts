import * as v from 'valibot';
import {
  AgentBackup,
  type BackupDescription,
  Bytes,
  Crc32,
  SIDECAR_KEY,
  Timestamp,
} from '../contract/index.ts';
import { parseJson } from '../kernel/json.ts';

/** A description is a few KiB; a foreign file of this size under such a name is none. */
export const MAX_SIDECAR_BYTES = 2 * 1024 * 1024;

const Ours = v.object({
  crc32: Crc32,
  size: Bytes,
  stored_at: Timestamp,
  suspect: v.nullable(v.string()),
});

/** Core's backblaze_b2 integration wraps the description once more. */
const Wrapped = v.object({ backup_metadata: v.record(v.string(), v.unknown()) });

/** The text of the sidecar: what Home Assistant's own integrations write, and one key of ours. */
export function encodeSidecar(
  stored: BackupDescription & { readonly crc32: string; readonly stored_at: string },
): string {
  const ours: v.InferOutput<typeof Ours> = {
    crc32: stored.crc32,
    size: stored.backup.size,
    stored_at: stored.stored_at,
    suspect: stored.suspect,
  };
  return JSON.stringify({ ...stored.backup, [SIDECAR_KEY]: ours });
}

/** What a sidecar says; undefined when it describes no backup (someone else's file). */
export function decodeSidecar(data: Buffer): BackupDescription | undefined {
  let document: unknown;
  try {
    document = parseJson(data.toString('utf8'));
  } catch {
    return undefined;
  }
  if (v.is(Wrapped, document)) document = document.backup_metadata;
  if (typeof document !== 'object' || document === null) return undefined;
  const { [SIDECAR_KEY]: ours, ...rest } = document as Record<string, unknown>;
  const backup = v.safeParse(AgentBackup, rest);
  if (!backup.success) return undefined;
  const known = v.safeParse(Ours, ours);
  if (!known.success) return { backup: backup.output, crc32: null, stored_at: null, suspect: null };
  return {
    backup: backup.output,
    crc32: known.output.crc32,
    stored_at: known.output.stored_at,
    suspect: known.output.suspect,
  };
}
