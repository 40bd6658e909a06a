import { html, nothing, type TemplateResult } from 'lit';
import { PATHS, type Target } from '../../contract/index.ts';
import { toTrouble } from '../api/problem.ts';
import { button } from '../kit/button.ts';
import { copy } from '../kit/copy.ts';
import { type Dialog, openDialog } from '../kit/dialog.ts';
import { toggle } from '../kit/field.ts';
import type { App } from '../shell/app.ts';
import { t } from '../words/index.ts';
import { agentOf, isAutomatic } from './plan.ts';

/** As Home Assistant makes its own: seven groups of four. */
const GROUPS = 7;
const GROUP = 4;
const SIGNS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

/** The largest multiple of the number of signs in a byte: what lies above would favour the first signs. */
const FAIR = 256 - (256 % SIGNS.length);

/** A key to encrypt backups with. */
export function makeKey(): string {
  const signs: string[] = [];
  while (signs.length < GROUPS * GROUP) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1)) as unknown as [number];
    if (byte < FAIR) signs.push(SIGNS[byte % SIGNS.length] as string);
  }
  return Array.from({ length: GROUPS }, (_, at) => signs.slice(at * GROUP, (at + 1) * GROUP).join('')).join(
    '-',
  );
}

/** Has the automatic backups of Home Assistant go to targets; where it has no key yet, with one that the person keeps. */
class UseAutomatic {
  readonly #app: App;
  readonly #chosen: Set<Target>;
  readonly #targets: readonly Target[];
  /** Made when Home Assistant turns out to have none. */
  #key: string | undefined;
  #kept = false;

  constructor(app: App, targets: readonly Target[]) {
    this.#app = app;
    this.#targets = targets;
    this.#chosen = new Set(targets);
  }

  readonly content = (dialog: Dialog): TemplateResult =>
    this.#key ? this.#keep(dialog) : this.#choose(dialog);

  #choose(dialog: Dialog): TemplateResult {
    return html`
      <p>${t('automatic.text')}</p>
      ${
        this.#targets.length > 1
          ? this.#targets.map((target) =>
              toggle({
                id: `automatic-${target.id}`,
                label: target.name,
                on: this.#chosen.has(target),
                change: (on) => {
                  if (on) this.#chosen.add(target);
                  else this.#chosen.delete(target);
                  dialog.requestUpdate();
                },
              }),
            )
          : nothing
      }
      <div class="actions">
        ${button({ label: t('act.later'), act: () => dialog.close() })}
        ${button({
          label: t('automatic.act'),
          primary: true,
          disabled: this.#chosen.size === 0,
          act: () => this.#set(dialog),
        })}
      </div>
    `;
  }

  #keep(dialog: Dialog): TemplateResult {
    const key = this.#key as string;
    return html`
      <p>${t('automatic.key_text')}</p>
      <p class="key" translate="no">${key}</p>
      <div class="actions start">
        ${button({ label: t('act.copy'), act: () => copy(this.#app, key) })}
        <a
          class="button"
          download="homestash-backup-key.txt"
          href=${`data:text/plain;charset=utf-8,${encodeURIComponent(`${t('automatic.key_file')}\n\n${key}\n`)}`}
          ><span>${t('act.save_file')}</span></a
        >
      </div>
      ${toggle({
        id: 'key-kept',
        label: t('automatic.key_kept'),
        on: this.#kept,
        change: (on) => {
          this.#kept = on;
          dialog.requestUpdate();
        },
      })}
      <div class="actions">
        ${button({ label: t('act.cancel'), act: () => dialog.close() })}
        ${button({
          label: t('automatic.act'),
          primary: true,
          disabled: !this.#kept,
          act: () => this.#set(dialog),
        })}
      </div>
    `;
  }

  /** Sets it for each; asks for a key first where there is none. */
  async #set(dialog: Dialog): Promise<void> {
    try {
      for (const target of this.#chosen) {
        const key = this.#key ? { key: this.#key } : {};
        const body = { agent_id: agentOf(target), enabled: true, schedule: true, ...key };
        await this.#app.api.put(PATHS.home_assistant_automatic, { body });
      }
      this.#app.toasts.say(t('automatic.done'));
      void this.#app.data.home.refresh();
      dialog.close('done');
    } catch (error) {
      if (toTrouble(error).code === 'home_assistant_no_key' && !this.#key) this.#key = makeKey();
      else dialog.trouble = toTrouble(error);
      dialog.requestUpdate();
    }
  }
}

/** Asks whether automatic backups shall go to targets; says whether they do now. */
export async function useAutomatic(app: App, targets: readonly Target[]): Promise<boolean> {
  const home = app.data.home.value;
  const missing = home ? targets.filter((target) => !isAutomatic(home, target)) : targets;
  const use = new UseAutomatic(app, missing.length > 0 ? missing : targets);
  return (await openDialog({ title: t('automatic.title'), content: use.content })) === 'done';
}
