import { html, nothing, type TemplateResult } from 'lit';
import {
  PATHS,
  PROBE_STEPS,
  type ProbeReport,
  type Target,
  type TargetCheckEvent,
  type TargetCheckRequest,
} from '../../contract/index.ts';
import type { Api } from '../api/client.ts';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { problem } from '../kit/problem.ts';
import { shape, type Tone } from '../kit/status.ts';
import { t } from '../words/index.ts';

type Step = (typeof PROBE_STEPS)[number];
type Outcome = Extract<TargetCheckEvent, { event: 'step' }>['outcome'];

const TONES: Readonly<Record<Outcome, Tone>> = { running: 'busy', ok: 'ok', failed: 'bad', skipped: 'off' };

/** A check as it goes on: each step, and what came of it. */
export class Check {
  /** Undefined until a check was begun. */
  report: ProbeReport | undefined;
  /** What was saved at its end. */
  saved: Target | undefined;
  /** Why it came to nothing at all. */
  trouble: Trouble | undefined;
  running = false;
  readonly #steps = new Map<Step, { readonly outcome: Outcome; readonly problem: Trouble | null }>();
  readonly #api: Api;
  readonly #changed: () => void;
  #ended = new AbortController();

  constructor(api: Api, changed: () => void) {
    this.#api = api;
    this.#changed = changed;
  }

  /** Runs it to its end; afterwards `saved`, `report` or `trouble` say what came of it. */
  async run(body: TargetCheckRequest): Promise<void> {
    this.stop();
    this.#ended = new AbortController();
    this.#steps.clear();
    Object.assign(this, { report: undefined, saved: undefined, trouble: undefined, running: true });
    this.#changed();
    try {
      const { signal } = this.#ended;
      for await (const event of this.#api.stream<TargetCheckEvent>('POST', PATHS.target_check, {
        body,
        signal,
      })) {
        this.#heard(event);
        this.#changed();
      }
    } catch (error) {
      this.trouble = toTrouble(error);
    }
    this.running = false;
    this.#changed();
  }

  /** Nobody looks any more. */
  stop(): void {
    this.#ended.abort();
  }

  /** Each step with its word; nothing before the first check. */
  render(): TemplateResult | typeof nothing {
    if (this.trouble) return problem(this.trouble);
    if (this.#steps.size === 0) return nothing;
    return html`
      <ol class="steps" aria-live="polite">
        ${PROBE_STEPS.map((step) => this.#step(step))}
      </ol>
    `;
  }

  #step(step: Step): TemplateResult {
    const { outcome, problem: trouble } = this.#steps.get(step) ?? { outcome: undefined, problem: null };
    return html`
      <li class=${outcome ?? 'waiting'}>
        ${shape(outcome ? TONES[outcome] : 'off')}
        <span>${t(`check.${step}`)}<span class="hidden">: ${t(`check.outcome.${outcome ?? 'waiting'}`)}</span></span>
        ${trouble ? problem(trouble) : nothing}
      </li>
    `;
  }

  #heard(event: TargetCheckEvent): void {
    switch (event.event) {
      case 'step':
        this.#steps.set(event.step, { outcome: event.outcome, problem: event.problem });
        return;
      case 'saved':
        this.saved = event.target;
        this.report = event.report;
        return;
      case 'report':
        this.report = event.report;
        return;
      case 'problem':
        this.trouble = event.problem;
    }
  }
}
