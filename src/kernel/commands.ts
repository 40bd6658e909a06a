import * as v from 'valibot';
import { PATHS } from '../contract/index.ts';
import { Problem } from './errors.ts';
import { parseInput } from './http/input.ts';
import { jsonRoute, type Route } from './http/route.ts';

type Schema = v.GenericSchema<unknown, object>;

interface CommandOf<Input extends Schema> {
  /** Stable: `back_up_now`. */
  readonly name: string;
  /** What it needs to know. */
  readonly input: Input;
  /** Returns when it has begun. @throws Problem why it has not */
  run(input: v.InferOutput<Input>): Promise<void>;
}

/** Something that can be done, with its types forgotten. */
export type Command = CommandOf<Schema>;

/** Describes a command. */
export function command<Input extends Schema>(description: CommandOf<Input>): Command {
  return description as unknown as Command;
}

const CommandParams = v.object({ command: v.pipe(v.string(), v.regex(/^[a-z_]{1,40}$/, 'a name')) });

/** What can be done, whoever asks for it: a program, a person, a button in Home Assistant. */
export class Commands {
  readonly #commands: ReadonlyMap<string, Command>;

  constructor(commands: readonly Command[]) {
    this.#commands = new Map(commands.map((one) => [one.name, one]));
  }

  /** Does it. @throws Problem `not_found`, `invalid_request`, or why it cannot be done */
  async run(name: string, input: unknown): Promise<void> {
    const known = this.#commands.get(name);
    if (!known) throw new Problem('not_found');
    await known.run(parseInput(known.input, input));
  }

  /** The HTTP side. */
  routes(): Route[] {
    return [
      jsonRoute({
        method: 'POST',
        path: PATHS.command,
        summary: `Do something: ${[...this.#commands.keys()].join(', ')}`,
        params: CommandParams,
        body: v.record(v.string(), v.unknown()),
        handle: ({ params, body }) => this.run(params.command, body),
      }),
    ];
  }
}
