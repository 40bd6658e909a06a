import type { TargetKind, TargetSettings } from '../../contract/index.ts';
import { folderTargetType } from './folder/index.ts';
import { s3TargetType } from './s3/index.ts';
import type { TargetType } from './target.ts';

/** Every kind of target; a new one is a new folder and a line here. */
const TARGET_TYPES = [s3TargetType, folderTargetType] as const;

/** The kind's description, which takes settings of that kind only. */
export function targetType(kind: TargetKind): TargetType<TargetSettings> {
  const type = TARGET_TYPES.find((candidate) => candidate.kind === kind);
  if (!type) throw new RangeError(`no such kind of target: ${kind}`);
  return type as unknown as TargetType<TargetSettings>;
}
