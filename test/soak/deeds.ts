import type { AgentBackup, Operation, ProblemDocument, Upload } from '../../src/contract/index.ts';
import { describeBackup, sumOf } from '../harness/archives.ts';
import type { Dice } from './dice.ts';
import { CoreAway, type Home } from './home.ts';
import type { Effect, Ledger } from './ledger.ts';
import type { Archive, Stock } from './stock.ts';

/** What a person or Home Assistant was told: done, or why not. `cut`: nothing but that the connection ended. */
type Told<Result> =
  | { readonly done: true; readonly result: Result }
  | { readonly done: false; readonly code: string };

const CHUNK = 64 * 1024;

const NOTHING: Effect = { kind: 'none' };

async function told<Result>(work: () => Promise<Result>): Promise<Told<Result>> {
  try {
    return { done: true, result: await work() };
  } catch (error) {
    const { problem, name } = error as { problem?: ProblemDocument; name?: string };
    if (problem) return { done: false, code: problem.code };
    if (name === 'TypeError' || name === 'AbortError') return { done: false, code: 'cut' };
    if (error instanceof CoreAway) return { done: false, code: 'away' };
    throw error;
  }
}

/** A body that is whole, or ends in the middle when `end` says so. */
function bodyOf(bytes: Buffer, upTo = bytes.length, end?: Promise<never>): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    async pull(controller) {
      if (at >= upTo) {
        if (upTo < bytes.length) await end;
        controller.close();
        return;
      }
      const next = Math.min(at + CHUNK, upTo);
      controller.enqueue(new Uint8Array(bytes.subarray(at, next)));
      at = next;
    },
  });
}

/** How an upload goes as far as its sender is concerned. */
type Manner =
  | 'whole'
  | 'streamed'
  | 'cut'
  | 'cancelled'
  | 'operation_cancelled'
  | 'forgotten'
  | 'wrong_sum'
  | 'uncommitted';

const MANNERS: Readonly<Record<Manner, number>> = {
  whole: 50,
  streamed: 36,
  cut: 4,
  cancelled: 3,
  operation_cancelled: 2,
  forgotten: 1,
  wrong_sum: 2,
  uncommitted: 2,
};

const AS_IT_SHOULD_BE: readonly Manner[] = ['whole', 'streamed'];

/** Before these answers to a commit nothing was made visible. */
const NOT_BEGUN = ['upload_not_found', 'upload_busy', 'archive_mismatch', 'away'];

interface DeedsOptions {
  readonly home: Home;
  readonly ledger: Ledger;
  readonly stock: Stock;
  /** Nothing goes wrong at this time, and did not a moment ago. */
  readonly calm: () => boolean;
}

/** What is done to the store through the core, and what is wrong with what came of it. */
export class Deeds {
  readonly #options: DeedsOptions;
  readonly #descriptions = new Map<string, AgentBackup>();
  /** Promises that were broken. */
  readonly broken: string[] = [];
  /** How often something was told: `upload done`, `delete target_cut`. */
  readonly #tally = new Map<string, number>();
  /** How many uploads were told to be safe. */
  made = 0;

  constructor(options: DeedsOptions) {
    this.#options = options;
  }

  get #client() {
    return this.#options.home.client;
  }

  get #target(): string {
    return this.#options.home.targetId;
  }

  /** Makes a backup, or the same backup again. */
  async upload(id: string, dice: Dice): Promise<void> {
    const { ledger, stock } = this.#options;
    const archive = stock.take(id, dice);
    const described = this.#descriptions.get(id) ?? describeBackup({ backup_id: id, name: `Backup ${id}` });
    this.#descriptions.set(id, described);
    const manner = dice.weighted(MANNERS);
    await ledger.change(id, () =>
      this.#watched(`upload ${manner}`, id, AS_IT_SHOULD_BE.includes(manner), (tell) =>
        this.#upload({ ...described, size: archive.size }, archive, manner, dice, tell),
      ),
    );
  }

  async #upload(
    backup: AgentBackup,
    archive: Archive,
    manner: Manner,
    dice: Dice,
    tell: (what: Told<unknown>) => void,
  ): Promise<Effect> {
    const announced = await told(() => this.#client.announce(this.#target, backup));
    tell(announced);
    if (!announced.done || manner === 'forgotten') return NOTHING;
    const { id } = announced.result;
    const bytes = archive.bytes();
    const sent = await told(() => this.#send(announced.result, bytes, manner, dice));
    tell(sent);
    if (!sent.done || manner === 'uncommitted') return NOTHING;
    const sum = { ...sumOf(bytes), ...(manner === 'wrong_sum' ? { crc32: '00000000' } : {}) };
    const committed = await told(() => this.#client.commit(this.#target, id, sum));
    tell(committed);
    if (committed.done) {
      this.made += 1;
      return { kind: 'sure', state: archive };
    }
    return NOT_BEGUN.includes(committed.code) ? NOTHING : { kind: 'perhaps', state: archive };
  }

  #send({ id, operation_id }: Upload, bytes: Buffer, manner: Manner, dice: Dice) {
    const send = (body: NonNullable<RequestInit['body']>) => this.#client.send(this.#target, id, body);
    if (manner === 'streamed') return send(bodyOf(bytes));
    if (!['cut', 'cancelled', 'operation_cancelled'].includes(manner)) return send(new Uint8Array(bytes));
    const { promise: end, reject } = Promise.withResolvers<never>();
    end.catch(() => undefined);
    const sending = send(bodyOf(bytes, dice.whole(0, bytes.length), end));
    const giveUp = async () => {
      if (manner === 'cancelled') {
        await told(() => this.#client.call('DELETE', `/api/v1/targets/${this.#target}/uploads/${id}`));
      } else if (manner === 'operation_cancelled') {
        await told(() => this.#client.call('POST', `/api/v1/operations/${operation_id}/cancel`));
      }
      reject(new TypeError('the sender is gone'));
    };
    setImmediate(() => setTimeout(giveUp, dice.whole(0, 20)));
    return sending;
  }

  async remove(id: string): Promise<void> {
    const { ledger } = this.#options;
    await ledger.change(id, () =>
      this.#watched('delete', id, true, async (tell) => {
        const sure = ledger.isSure(id, 1);
        const answer = await told(() => this.#client.delete(this.#target, id));
        tell(answer);
        if (answer.done) return { kind: 'sure', state: null };
        if (answer.code === 'backup_not_found' && sure && ledger.isSure(id, 1)) {
          this.broken.push(`delete ${id}: it was promised, and is not known`);
        }
        const untouched = ['backup_not_found', 'upload_busy', 'away'].includes(answer.code);
        return untouched ? NOTHING : { kind: 'perhaps', state: null };
      }),
    );
  }

  async download(id: string, dice: Dice): Promise<void> {
    const { ledger } = this.#options;
    const before = ledger.states(id);
    const possible = new Set(before);
    const busy = ledger.isBusy(id);
    const manner = dice.weighted({ whole: 5, range: 4, left: 1 });
    const size = Math.max(...[...before].map((archive) => archive?.size ?? 0));
    const start = dice.whole(0, size);
    const end = dice.whole(start + 1, size + 1);
    await this.#watched(`download ${manner}`, id, ledger.isSure(id) && manner !== 'left', async (tell) => {
      const answer = await told(() => this.#read(id, manner, start, end));
      tell(answer);
      if (!answer.done || manner === 'left' || busy || ledger.isBusy(id)) return NOTHING;
      for (const state of ledger.states(id)) possible.add(state);
      const { status, bytes } = answer.result;
      const same = [...possible].some((archive) => {
        const whole = archive?.bytes();
        return (status === 206 ? whole?.subarray(start, end) : whole)?.equals(bytes) ?? false;
      });
      if (!same)
        this.broken.push(`download ${id}: other bytes than were stored (${status}, ${start}-${end})`);
      return NOTHING;
    });
  }

  async #read(id: string, manner: string, start: number, end: number) {
    const path = `/api/v1/targets/${this.#target}/backups/${id}/archive`;
    const left = new AbortController();
    const headers = manner === 'range' ? { range: `bytes=${start}-${end - 1}` } : {};
    const response = await this.#client.fetch('GET', path, { headers, signal: left.signal });
    if (!response.ok) throw { problem: await response.json() };
    if (manner === 'left') {
      await response.body?.getReader().read();
      left.abort();
      return { status: response.status, bytes: Buffer.alloc(0) };
    }
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  }

  async list(dice: Dice): Promise<void> {
    const { ledger, home } = this.#options;
    const maxAge = dice.pick([undefined, undefined, 0, 60, 600]);
    const [sure, busy] = [
      ledger.ids.filter((id) => ledger.isSure(id)),
      ledger.ids.filter((id) => ledger.isBusy(id)),
    ];
    const possible = new Set([...ledger.ids.filter((id) => ledger.mayBe(id)), ...busy]);
    await this.#watched(`list ${maxAge ?? ''}`, '', true, async (tell) => {
      const { changes } = home;
      const answer = await told(() => this.#client.list(this.#target, maxAge));
      tell(answer);
      if (!answer.done || changes !== home.changes) return NOTHING;
      const listed = new Set(answer.result.backups.map(({ backup }) => backup.backup_id));
      for (const id of sure) {
        if (!listed.has(id) && ledger.isSure(id))
          this.broken.push(`list: ${id} was promised and is not there`);
      }
      for (const id of listed) {
        if (!possible.has(id) && !ledger.isBusy(id) && !ledger.mayBe(id))
          this.broken.push(`list: ${id} was deleted, or never made, and is there`);
      }
      return NOTHING;
    });
  }

  async probe(): Promise<void> {
    await this.#watched('probe', '', true, async (tell) => {
      const path = `/api/v1/targets/${this.#target}/probe`;
      const answer = await told(() => this.#client.call<{ ok: boolean }>('POST', path));
      tell(answer.done && !answer.result.ok ? { done: false, code: 'not ok' } : answer);
      return NOTHING;
    });
  }

  /** What was told how often, in one line. */
  get told(): string {
    return [...this.#tally]
      .sort()
      .map(([what, times]) => `${what} ${times}`)
      .join(', ');
  }

  /** Operations that say that they are under way. */
  async running(): Promise<Operation[]> {
    return (await this.#client.operations()).filter(({ state }) => state === 'running');
  }

  /** Where nothing goes wrong, everything must go well; what may not is `expected` not to. */
  async #watched(
    what: string,
    id: string,
    expected: boolean,
    deed: (tell: (what: Told<unknown>) => void) => Promise<Effect>,
  ): Promise<Effect> {
    const { calm, home, ledger } = this.#options;
    const [wasCalm, { changes }, wasThere] = [calm(), home, ledger.mayBe(id)];
    let last: Told<unknown> = { done: false, code: 'nothing' };
    const effect = await deed((answer) => {
      last = answer;
    });
    const answer: string = last.done ? 'done' : last.code;
    this.#tally.set(`${what} ${answer}`, (this.#tally.get(`${what} ${answer}`) ?? 0) + 1);
    const explained =
      last.done ||
      !expected ||
      !wasCalm ||
      !calm() ||
      changes !== home.changes ||
      (answer === 'backup_not_found' && !(wasThere && ledger.isSure(id))) ||
      answer === 'upload_busy' ||
      ledger.overlaps(id);
    if (!explained) this.broken.push(`${what} ${id}: ${answer}, although nothing went wrong`);
    return effect;
  }
}
