import type { AnyAuthMethod, AuthenticationType, NextAuthHandler, ParsedKey, Prompt } from 'ssh2';
import { Problem } from '../../kernel/errors.ts';

/** What a prompt for a password says, in the languages of devices that are known. */
const ASKS_PASSWORD = /pass|kennwort/i;

/** What a person gave to sign in with. */
interface Given {
  readonly user: string;
  readonly password: string;
  readonly key: ParsedKey | undefined;
}

/**
 * Signs in (RFC 4252) and tries each thing that was given once, for devices lock out who tries too often. It begins with
 * the method `none`, which counts nowhere: the answer says what the device takes.
 */
export class SignIn {
  readonly #given: Given;
  readonly #host: string;
  readonly #left: Set<'publickey' | 'password'>;
  #begun = false;
  #tried = false;
  #problem: Problem | undefined;

  constructor(given: Given, host: string) {
    this.#given = given;
    this.#host = host;
    this.#left = new Set([
      ...(given.key ? (['publickey'] as const) : []),
      ...(given.password === '' ? [] : (['password'] as const)),
    ]);
  }

  /** Why nobody was let in. */
  get problem(): Problem {
    return this.#problem ?? new Problem('device_password', { params: { host: this.#host } });
  }

  /** What to try next, for ssh2. */
  next(
    takes: readonly AuthenticationType[] | null,
    partly: boolean | null,
    proceed: NextAuthHandler,
  ): AnyAuthMethod | false {
    const { user: username, password, key } = this.#given;
    if (!this.#begun) {
      this.#begun = true;
      return { type: 'none', username };
    }
    void proceed;
    const can = (method: AuthenticationType) => takes === null || takes.includes(method);
    if (key && can('publickey') && this.#left.delete('publickey')) {
      this.#tried = true;
      return { type: 'publickey', username, key: key as never };
    }
    if (this.#left.has('password') && (can('password') || can('keyboard-interactive'))) {
      this.#left.delete('password');
      this.#tried = true;
      if (can('password')) return { type: 'password', username, password };
      return { type: 'keyboard-interactive', username, prompt: this.#answers() };
    }
    this.#problem = this.#refused(takes ?? [], partly === true);
    return false;
  }

  #refused(takes: readonly AuthenticationType[], partly: boolean): Problem {
    const host = this.#host;
    if (partly) return new Problem('device_second_factor', { params: { host } });
    if (this.#tried || this.#left.size === 0) {
      return this.#problem ?? new Problem('device_password', { params: { host } });
    }
    const methods = takes.filter((method) => /^[\w-]{1,30}$/.test(method)).slice(0, 5);
    const reason = `it takes ${methods.join(', ')} only`;
    return new Problem('device_failed', { params: { host, reason } });
  }

  /** Answers what is asked in a dialogue (RFC 4256): the password, once. */
  #answers() {
    let answered = false;
    return (
      _name: string,
      _instructions: string,
      _language: string,
      prompts: Prompt[],
      finish: (answers: string[]) => void,
    ) => {
      const [first] = prompts;
      if (!answered && prompts.length === 1 && first && first.echo !== true) {
        answered = true;
        finish([this.#given.password]);
        return;
      }
      // asked again for what was just said, or for something that nobody gave
      const again = answered && prompts.every(({ prompt }) => ASKS_PASSWORD.test(prompt));
      const code = again ? 'device_password' : 'device_second_factor';
      this.#problem = new Problem(code, { params: { host: this.#host } });
      finish(prompts.map(() => ''));
    };
  }
}
