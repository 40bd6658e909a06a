import { html, nothing, type TemplateResult } from 'lit';
import * as v from 'valibot';
import { type Trouble, toTrouble } from '../api/problem.ts';
import { problem } from './problem.ts';

/** The element that a form stands in. */
interface Host extends HTMLElement {
  requestUpdate(): void;
  readonly updateComplete: Promise<unknown>;
}

interface FormOptions<Values, Body> {
  readonly host: Host;
  /** What is valid; what is wrong in it belongs to the field of that name. */
  readonly schema: v.GenericSchema<unknown, Body>;
  /** What stands in the fields at first. */
  readonly values: Values;
  /** What is sent of what stands there; without it, the values as they are. */
  readonly body?: (values: Values) => unknown;
}

interface FormView<Body> {
  readonly content: TemplateResult;
  /** What the button says. */
  readonly verb: string;
  readonly act: (body: Body) => unknown;
  /** Said while it is tried, where that may take a while. */
  readonly meanwhile?: string;
  /** Other buttons beside it. */
  readonly more?: TemplateResult;
}

/** What is entered, held against the contract as it is typed, and sent: one attempt at a time, lost is nothing. */
export class Form<Values extends object, Body> {
  values: Values;
  readonly #options: FormOptions<Values, Body>;
  #trouble: Trouble | undefined;
  #busy = false;
  #dirty = false;
  /** It was sent with something missing: from then on that is shown, too. */
  #strict = false;

  constructor(options: FormOptions<Values, Body>) {
    this.#options = options;
    this.values = options.values;
  }

  /** What a field is told by `input`. */
  set(values: Partial<Values>): void {
    this.values = { ...this.values, ...values };
    this.#dirty = true;
    this.#options.host.requestUpdate();
  }

  /** What the core knows by now: takes its place where nobody has typed anything. */
  fresh(values: Values): void {
    if (!this.#dirty) this.values = values;
  }

  /** Whether a field holds what cannot be sent. What is still empty is only wrong when somebody tried. */
  wrong(name: keyof Values & string): boolean {
    return (this.#strict || this.values[name] !== '') && this.#issues().has(name);
  }

  render({ content, verb, act, meanwhile, more }: FormView<Body>): TemplateResult {
    return html`
      <form novalidate @submit=${(event: Event) => void this.#submit(event, act)}>
        ${content} ${this.#trouble ? problem(this.#trouble) : nothing}
        <div class="actions start">
          <button type="submit" class="button primary" aria-busy=${this.#busy ? 'true' : 'false'}>
            <span>${verb}</span>
          </button>
          ${more ?? nothing}
        </div>
        ${meanwhile ? html`<p class="quiet meanwhile" role="status">${this.#busy ? meanwhile : nothing}</p>` : nothing}
      </form>
    `;
  }

  #parse() {
    const { schema, body } = this.#options;
    return v.safeParse(schema, body ? body(this.values) : this.values);
  }

  #issues(): ReadonlySet<unknown> {
    return new Set(this.#parse().issues?.map(({ path }) => path?.[0]?.key));
  }

  async #submit(event: Event, act: (body: Body) => unknown): Promise<void> {
    event.preventDefault();
    if (this.#busy) return;
    const { host } = this.#options;
    const { success, output } = this.#parse();
    this.#trouble = undefined;
    this.#strict = !success;
    this.#busy = success;
    host.requestUpdate();
    if (!success) {
      await host.updateComplete;
      const invalid = host.querySelector<HTMLElement>('[aria-invalid="true"]');
      const folded = invalid?.closest('details');
      if (folded) folded.open = true;
      invalid?.focus();
      return;
    }
    try {
      await act(output);
      this.#dirty = false;
    } catch (error) {
      this.#trouble = toTrouble(error);
    }
    this.#busy = false;
    host.requestUpdate();
  }
}
