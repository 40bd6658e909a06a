import * as v from 'valibot';
import { NewPassword } from './session.ts';

/** Asks for everything that a new box needs, sealed with a passphrase. */
export const ExportRequest = v.object({ passphrase: NewPassword });
export type ExportRequest = v.InferOutput<typeof ExportRequest>;

/** A file that an export made, and the passphrase that seals it. */
export const ImportRequest = v.object({
  passphrase: v.pipe(v.string(), v.minLength(1), v.maxLength(200)),
  /** As base64. */
  file: v.pipe(v.string(), v.base64('base64'), v.minLength(1)),
});
export type ImportRequest = v.InferOutput<typeof ImportRequest>;

/** What was taken over. The core starts anew a moment later: connections end and are made again. */
export const ImportReport = v.object({
  targets: v.pipe(v.number(), v.integer()),
  /** The other parts by name: `general`, `mqtt` … */
  settings: v.array(v.string()),
});
export type ImportReport = v.InferOutput<typeof ImportReport>;
