import { PATHS, PROBE_STEPS, TargetCheckEvent, TargetCheckRequest } from '../contract/index.ts';
import { toProblem } from '../kernel/errors.ts';
import { EventStream } from '../kernel/http/event-stream.ts';
import { type Route, streamRoute } from '../kernel/http/route.ts';
import type { Log } from '../kernel/log.ts';
import { chooseLanguage, wordProblem } from '../kernel/texts.ts';
import type { ProbeOutcome } from './targets/target.ts';
import type { Targets } from './targets.ts';

interface CheckRouteOptions {
  readonly targets: Targets;
  readonly log: Log;
  /** A target was saved: its list is read. */
  readonly onSaved: (targetId: string) => void;
}

/** A check that is watched: each step as it begins and ends, and at the end what came of it. */
export function checkRoute({ targets, log, onSaved }: CheckRouteOptions): Route {
  return streamRoute({
    method: 'POST',
    path: PATHS.target_check,
    summary: 'Try settings step by step, and save them if that is wanted and all goes well',
    body: TargetCheckRequest,
    streams: 'out',
    contentType: 'text/event-stream',
    response: TargetCheckEvent,
    handle: async ({ body, header, signal }, _request, response) => {
      const language = chooseLanguage(header('accept-language'));
      // what is wrong with the request itself is answered as everywhere
      const plan = await targets.planCheck(body);
      const stream = new EventStream<TargetCheckEvent>(response);
      const begin = (step: ProbeOutcome['step']) =>
        stream.send({ event: 'step', step, outcome: 'running', problem: null });
      const onStep = ({ step, outcome, problem }: ProbeOutcome) => {
        const worded = problem && wordProblem(problem, language);
        stream.send({ event: 'step', step, outcome, problem: worded });
        const next = PROBE_STEPS[PROBE_STEPS.indexOf(step) + 1];
        if (outcome === 'ok' && next) begin(next);
      };
      try {
        begin(PROBE_STEPS[0]);
        const { report, target } = await targets.check(plan, { language, onStep, signal });
        if (target) onSaved(target.id);
        stream.send(target ? { event: 'saved', target, report } : { event: 'report', report });
      } catch (error) {
        if (toProblem(error).code === 'internal') log.error('a check met a defect', { error });
        stream.send({ event: 'problem', problem: wordProblem(error, language) });
      } finally {
        stream.end();
      }
    },
  });
}
