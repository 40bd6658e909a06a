import { Problem } from '../../../kernel/errors.ts';

/** What the operating system says of a directory, as the problem that a person understands. */
export function classifyFileError(error: unknown, path: string): unknown {
  if (error instanceof Problem || !(error instanceof Error) || !('code' in error)) return error;
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new Problem('target_full', { cause: error });
    case 'ENOENT':
    case 'ENOTDIR':
      return new Problem('target_folder_missing', { params: { path }, cause: error });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new Problem('target_folder_not_writable', { params: { path }, cause: error });
    case 'EIO':
    case 'ESTALE':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
      return new Problem('target_unavailable', { params: { status: error.code }, cause: error });
    case 'ABORT_ERR':
      return error;
    default:
      return new Problem('target_unexpected', { params: { reason: String(error.code) }, cause: error });
  }
}

/** Runs file work of a folder target and words what goes wrong. */
export async function withFileFaults<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw classifyFileError(error, path);
  }
}
