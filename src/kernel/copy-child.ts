// A copy is made and read through in a process of its own: on a slow card that takes longer than the loop of the core may
// stand still.
import { answerParent } from './child.ts';
import { checkDatabase, copyDatabase } from './database.ts';

/** A database, and where its copy shall lie; there must be none yet. */
export interface CopyQuestion {
  readonly from: string;
  readonly to: string;
}

answerParent<CopyQuestion>(async ({ from, to }) => {
  // for nobody else to read
  process.umask(0o077);
  copyDatabase(from, to);
  checkDatabase(to);
});
