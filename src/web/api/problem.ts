import type { ProblemDocument } from '../../contract/index.ts';
import { t } from '../words/index.ts';

/** Why something did not work, as a person reads it: what happened, and what to do. */
export interface Trouble {
  readonly code: string;
  readonly title: string;
  readonly hint: string;
}

/** What the core refused, or what kept us from asking it. */
export class ApiProblem extends Error implements Trouble {
  override readonly name = 'ApiProblem';
  readonly code: string;
  readonly title: string;
  readonly hint: string;
  readonly status: number;
  readonly params: Readonly<Record<string, string>>;

  constructor(document: Omit<ProblemDocument, 'type' | 'detail'>, options?: ErrorOptions) {
    super(document.title, options);
    this.code = document.code;
    this.title = document.title;
    this.hint = document.hint;
    this.status = document.status;
    this.params = document.params;
  }
}

/** Nobody answered. */
export const noConnection = (cause: unknown): ApiProblem =>
  new ApiProblem(
    {
      code: 'no_connection',
      title: t('trouble.away.title'),
      hint: t('trouble.away.hint'),
      status: 0,
      params: {},
    },
    { cause },
  );

/** Something answered that is no core: a proxy, a captive portal, another version. */
export const notUnderstood = (status: number): ApiProblem =>
  new ApiProblem({
    code: 'not_understood',
    title: t('trouble.strange.title'),
    hint: t('trouble.strange.hint'),
    status,
    params: {},
  });

/** Whatever was thrown, as a person reads it. */
export function toTrouble(error: unknown): Trouble {
  return error instanceof ApiProblem ? error : noConnection(error);
}
