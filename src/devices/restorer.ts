import type { DeviceIdentity, Language, RestorePlan } from '../contract/index.ts';
import { within } from '../kernel/clock.ts';
import { isProblem, Problem, toProblem } from '../kernel/errors.ts';
import { keptProblem } from '../kernel/kept-problem.ts';
import { describeError } from '../kernel/log.ts';
import type { Operations } from '../kernel/operations.ts';
import { fill, wordDeviceKind, wordProblem } from '../kernel/texts.ts';
import { ArtefactFolder } from './artefacts/folder.ts';
import { savedFiles } from './artefacts/saved.ts';
import { hostOf, refuseOther } from './back-up.ts';
import type { DeviceContext, DeviceHandler, DeviceRestore, SavedFiles } from './handler.ts';
import { kindName } from './kinds.ts';
import type { Manager } from './manager.ts';
import { handlerOf } from './registry.ts';
import { FirstUse, limited, type SessionOptions, sessionWith, TEST_MS } from './session.ts';
import { fullIdentity, keptIdentity, type SealedDevices } from './settings.ts';
import type { DeviceRow, DeviceStore, StoredArtefact } from './store.ts';

interface RestorerOptions extends SessionOptions {
  readonly store: DeviceStore;
  readonly sealed: SealedDevices;
  readonly manager: Manager;
  readonly operations: Operations;
  readonly dataDir: string;
  readonly onEnd: (row: DeviceRow, artefact: StoredArtefact, problem: Problem | undefined) => void;
}

/** A device that restarts is asked so often whether it is back (milliseconds). */
const BACK_MS = 2_000;

/** A device that restarts is away by then, and looked at so often until it is (milliseconds). */
const LEAVING_MS = 5_000;
const LOOK_MS = 250;

/** What stands in the way between a saved configuration and the device that is there. @throws Problem `restore_…` */
export function guard(
  { same }: Pick<DeviceRestore<never>, 'same'>,
  saved: DeviceIdentity,
  now: DeviceIdentity,
): void {
  for (const member of same) {
    const [then, is] = [saved[member], now[member]];
    if (then === null || is === null) throw new Problem('restore_unknown_model');
    if (then !== is) {
      const code = member === 'chip' ? 'restore_other_chip' : 'restore_other_model';
      throw new Problem(code, { params: { saved: then, now: is } });
    }
  }
}

/** Writes saved configurations back onto devices. */
export class Restorer {
  readonly #options: RestorerOptions;

  constructor(options: RestorerOptions) {
    this.#options = options;
  }

  /** Whether it could be done, asked of the device itself. */
  async plan(row: DeviceRow, id: string, language: Language, signal: AbortSignal): Promise<RestorePlan> {
    const artefact = await this.#options.store.artefact(row.id, id);
    const handler = handlerOf(row.kind);
    const saved = keptIdentity(artefact.identity);
    const texts = wordDeviceKind(row.kind, language)?.warnings ?? {};
    const warnings = (handler.restore?.warnings ?? []).map((key) => fill(texts[key] ?? key, {}, language));
    let now: DeviceIdentity | null = null;
    try {
      const restore = this.#possible(row, artefact, handler);
      now = await this.#inSession(row, handler, signal, TEST_MS, async (context) =>
        fullIdentity(await handler.test(context)),
      );
      guard(restore, saved, now);
      return { problem: null, saved, now, warnings };
    } catch (error) {
      if (!isProblem(error) || signal.aborted) throw error;
      return { problem: wordProblem(error, language), saved, now, warnings };
    }
  }

  /** Does it. Resolves with the operation when it has begun. @throws Problem `device_busy`, `restore_impossible` … */
  async begin(row: DeviceRow, id: string): Promise<string> {
    const { store, operations, manager, log } = this.#options;
    const artefact = await store.artefact(row.id, id);
    const handler = handlerOf(row.kind);
    const restore = this.#possible(row, artefact, handler);
    const begun = Promise.withResolvers<string>();
    manager
      .alone(row.id, async (signal) => {
        const current = await store.device(row.id);
        if (!current) throw new Problem('device_not_found');
        const subject = { device_id: row.id, device: row.name, artefact_id: id };
        const operation = await operations.begin({ kind: 'device_restore', subject, carriedThrough: true });
        begun.resolve(operation.id);
        const either = AbortSignal.any([signal, operation.signal]);
        try {
          await this.#inSession(current, handler, either, undefined, (context) =>
            this.#write({ row: current, artefact, handler, restore }, context),
          );
          this.#options.onEnd(row, artefact, undefined);
          await operation.succeed();
        } catch (error) {
          this.#options.onEnd(row, artefact, toProblem(error));
          await operation.fail(error);
        }
      })
      .then(() => manager.now(row.id))
      .catch((error) => {
        begun.reject(error);
        log.debug('nothing followed a restore', { device: row.id, reason: describeError(error) });
      });
    return begun.promise;
  }

  #possible(row: DeviceRow, artefact: StoredArtefact, handler: DeviceHandler): DeviceRestore<never> {
    if (!handler.restore) {
      throw new Problem('restore_impossible', { params: { kind: kindName(row.kind, 'en') } });
    }
    if (artefact.good === 0) throw new Problem('artefact_bad');
    // what only a person can mend is not tried again before that: an account may be locked
    const known = row.given_up === 1 ? keptProblem(row.problem) : undefined;
    if (known) throw known;
    return handler.restore as DeviceRestore<never>;
  }

  async #write(
    one: {
      readonly row: DeviceRow;
      readonly artefact: StoredArtefact;
      readonly handler: DeviceHandler;
      readonly restore: DeviceRestore<never>;
    },
    context: DeviceContext<never>,
  ): Promise<void> {
    const { row, artefact, handler, restore } = one;
    const now = fullIdentity(await handler.test(context));
    refuseOther(row, now);
    guard(restore, keptIdentity(artefact.identity), now);
    const saved = await this.#saved(row, artefact, handler);
    await restore.run(context, saved);
    if (restore.awayMs !== undefined) await this.#back(handler, context, restore.awayMs, hostOf(row));
    await restore.verify?.(context, saved);
  }

  /** The files, once more found to be good. */
  async #saved(row: DeviceRow, artefact: StoredArtefact, handler: DeviceHandler): Promise<SavedFiles> {
    const folder = new ArtefactFolder(this.#options.dataDir, row.id);
    for (const file of artefact.files) await folder.prove(file.stored_as, file);
    const saved = savedFiles(artefact.files.map((file) => folder.file(file.stored_as, file, true)));
    await handler.validate(saved, this.#options.sealed.open(row, handler) as never);
    return saved;
  }

  /** Waits until it is away: before its restart it answers as it was. One that is quicker than we look is back by then. */
  async #gone(handler: DeviceHandler, context: DeviceContext<never>): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + LEAVING_MS;
    while (clock.monotonic() < until) {
      try {
        await within(clock, LOOK_MS * 4, (handler.identify ?? handler.test)(context));
      } catch {
        context.signal.throwIfAborted();
        return;
      }
      await clock.sleep(LOOK_MS, context.signal);
    }
  }

  async #back(
    handler: DeviceHandler,
    context: DeviceContext<never>,
    awayMs: number,
    host: string,
  ): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + awayMs;
    await this.#gone(handler, context);
    for (;;) {
      await clock.sleep(BACK_MS, context.signal);
      try {
        await (handler.identify ?? handler.test)(context);
        return;
      } catch (error) {
        context.signal.throwIfAborted();
        if (clock.monotonic() >= until) {
          throw new Problem('restore_not_back', { params: { host }, cause: error });
        }
      }
    }
  }

  async #inSession<Result>(
    row: DeviceRow,
    handler: DeviceHandler,
    signal: AbortSignal,
    ms: number | undefined,
    work: (context: DeviceContext<never>) => Promise<Result>,
  ): Promise<Result> {
    const { sealed, dataDir, clock } = this.#options;
    const settings = sealed.open(row, handler);
    const incoming = await new ArtefactFolder(dataDir, row.id).receive();
    try {
      return await limited(
        { clock, signal, host: hostOf(row), ...(ms === undefined ? {} : { ms }) },
        (limit) =>
          work(
            sessionWith(this.#options, {
              settings,
              trust: new FirstUse(row.trust ?? undefined),
              signal: limit,
              workDir: () => incoming.workDir(),
            }),
          ),
      );
    } finally {
      await incoming.discard();
    }
  }
}
