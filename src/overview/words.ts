import { type Language, NOTICES, type Notice, type NoticeCode } from '../contract/index.ts';
import { wordNotice } from '../kernel/texts.ts';
import { speakAll, type Value } from '../kernel/values.ts';

/** A notice before it is worded. */
export interface Finding {
  readonly code: NoticeCode;
  readonly target?: string;
  /** As a timestamp. */
  readonly since?: string | null;
  readonly params?: Readonly<Record<string, Value>>;
}

/** The same for as long as it is the same matter. */
export const findingId = ({
  code,
  target,
}: {
  readonly code: NoticeCode;
  readonly target?: string | undefined;
}) => (target === undefined ? code : `${code}:${target}`);

/** A notice as people read it. */
export function wordFinding(
  { code, target, since = null, params: values = {} }: Finding,
  language: Language,
): Notice {
  const params = speakAll(values, language);
  const { severity, action, ...rest } = NOTICES[code];
  return {
    id: findingId({ code, target }),
    code,
    severity,
    action,
    repair: 'repair' in rest,
    target_id: target ?? null,
    since,
    ...wordNotice(code, params, language),
    params,
  };
}
