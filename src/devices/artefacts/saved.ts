import { Problem } from '../../kernel/errors.ts';
import type { SavedFile, SavedFiles } from '../handler.ts';

/** Files as handlers see them. */
export function savedFiles<File extends SavedFile>(files: readonly File[]): SavedFiles {
  return {
    files,
    get: (name) => {
      const found = files.find((file) => file.name === name);
      if (!found) throw new Problem('artefact_wrong', { params: { file: name, reason: 'missing' } });
      return found;
    },
  };
}
