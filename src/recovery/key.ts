import * as v from 'valibot';
import type { RecoveryKeyState } from '../contract/index.ts';
import { makeAgeKey } from '../kernel/age.ts';
import { type Clock, timestamp } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { SealError, type Secrets } from '../kernel/secrets.ts';
import type { Settings } from '../kernel/settings.ts';

interface RecoveryKeyOptions {
  readonly settings: Settings;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Log;
  readonly onMade?: () => void;
}

const NAME = 'recovery_key';
const PURPOSE = 'recovery-key';

/** A key as it travels: with its secret half in the open. */
export interface WholeKey {
  readonly recipient: string;
  readonly identity: string;
  readonly created_at: number;
  readonly kept_at: number | null;
}

const Kept = v.object({
  recipient: v.string(),
  /** Sealed. */
  identity: v.string(),
  created_at: v.number(),
  kept_at: v.nullable(v.number()),
});
type Kept = v.InferOutput<typeof Kept>;

/**
 * The key with which everything is sealed that leaves the house by itself. It is made once; should this box be gone,
 * what the person wrote down opens it all.
 */
export class RecoveryKeeper {
  readonly #options: RecoveryKeyOptions;
  #opening: Promise<Kept> | undefined;

  constructor(options: RecoveryKeyOptions) {
    this.#options = options;
  }

  async state(): Promise<RecoveryKeyState> {
    const { recipient, created_at, kept_at } = await this.#kept();
    return {
      recipient,
      created_at: timestamp(created_at),
      kept_at: kept_at === null ? null : timestamp(kept_at),
    };
  }

  /** The secret half. @throws Problem `recovery_key_lost` */
  async identity(): Promise<string> {
    return this.#unseal(await this.#kept());
  }

  /** Whether a person keeps it, or there is none to be kept yet; none is made to find out. */
  async isKept(): Promise<boolean> {
    const kept = await this.#options.settings.read(NAME, Kept);
    return kept === undefined || kept.kept_at !== null;
  }

  /** A person has written it down. Returns whether that is news. */
  async markKept(): Promise<boolean> {
    const kept = await this.#kept();
    if (kept.kept_at !== null) return false;
    await this.#write({ ...kept, kept_at: this.#options.clock.now() });
    return true;
  }

  /** The key as it travels; undefined where there is none yet. @throws Problem `recovery_key_lost` */
  async whole(): Promise<WholeKey | undefined> {
    const kept = await this.#options.settings.read(NAME, Kept);
    return kept && { ...kept, identity: this.#unseal(kept) };
  }

  /** Takes one from elsewhere in place of what is there. Returns whether that is another one. */
  async take(key: WholeKey): Promise<boolean> {
    const { secrets, log } = this.#options;
    log.redact(key.identity);
    const kept = await this.#options.settings.read(NAME, Kept);
    if (kept && kept.recipient === key.recipient && this.#isOfUse(kept)) return false;
    await this.#write({ ...key, identity: secrets.seal(key.identity, PURPOSE) });
    return true;
  }

  /** Read or made once; after a failure with the next question. */
  #kept(): Promise<Kept> {
    if (!this.#opening) {
      const opening = this.#open();
      opening.catch(() => {
        this.#opening = undefined;
      });
      this.#opening = opening;
    }
    return this.#opening;
  }

  async #open(): Promise<Kept> {
    const known = await this.#options.settings.read(NAME, Kept);
    if (known && this.#isOfUse(known)) return known;
    const { clock, log, secrets } = this.#options;
    const { identity, recipient } = await makeAgeKey();
    log.redact(identity);
    const made = {
      recipient,
      identity: secrets.seal(identity, PURPOSE),
      created_at: clock.now(),
      kept_at: null,
    };
    await this.#options.settings.write(NAME, made);
    log.info('a recovery key was made', { recipient });
    this.#options.onMade?.();
    return made;
  }

  /** One that nobody has, neither we nor a person, opens nothing ever again. */
  #isOfUse(kept: Kept): boolean {
    if (kept.kept_at !== null) return true;
    try {
      this.#unseal(kept);
      return true;
    } catch {
      return false;
    }
  }

  #unseal({ identity: sealed }: Kept): string {
    const { secrets, log } = this.#options;
    try {
      const identity = secrets.unseal(sealed, PURPOSE);
      log.redact(identity);
      return identity;
    } catch (cause) {
      if (!(cause instanceof SealError)) throw cause;
      throw new Problem('recovery_key_lost', { cause });
    }
  }

  async #write(kept: Kept): Promise<void> {
    await this.#options.settings.write(NAME, kept);
    this.#opening = Promise.resolve(kept);
  }
}
