import { html, nothing, type TemplateResult } from 'lit';
import {
  type Delivery,
  HAPPENING_TOPICS,
  type HappeningTopic,
  PATHS,
  SEVERITIES,
  WEBHOOK_KINDS,
  type Webhook,
  WebhookInput,
  type WebhookKind,
  type WebhookList,
} from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { copyButton } from '../kit/copy.ts';
import { confirm } from '../kit/dialog.ts';
import { choice, field, toggle } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { back, heading } from '../kit/heading.ts';
import { problem } from '../kit/problem.ts';
import { status, type Tone } from '../kit/status.ts';
import { ago } from '../kit/time.ts';
import { t } from '../words/index.ts';
import { SettingsPage } from './page.ts';
import { webhookStatus } from './webhooks.ts';

/** What an address of each kind looks like. */
const EXAMPLES: Readonly<Record<WebhookKind, string>> = {
  generic: 'https://example.org/hook',
  home_assistant: 'http://homeassistant.local:8123/api/webhook/…',
  discord: 'https://discord.com/api/webhooks/…',
  slack: 'https://hooks.slack.com/services/…',
  ntfy: 'https://ntfy.sh/my-home',
  gotify: 'https://gotify.example.org',
};

const KINDS = Object.keys(WEBHOOK_KINDS) as WebhookKind[];

const TONES: Readonly<Record<Delivery['state'], Tone>> = { waiting: 'busy', delivered: 'ok', failed: 'bad' };

interface Values {
  readonly name: string;
  readonly kind: string;
  readonly url: string;
  readonly token: string;
  readonly severity: string;
  readonly topics: readonly HappeningTopic[];
  readonly enabled: boolean;
}

const FRESH: Values = {
  ...{ name: '', kind: 'ntfy', url: '', token: '', severity: 'error' },
  ...{ topics: HAPPENING_TOPICS, enabled: true },
};

const toValues = ({ name, kind, severity, topics, enabled }: Webhook): Values => ({
  ...{ name, kind, severity, enabled, url: '', token: '' },
  topics: topics.length === 0 ? HAPPENING_TOPICS : topics,
});

/** Somebody who is told: whom, of what, and how that goes; or one who is to be told from now on. */
class WebhookPage extends SettingsPage<WebhookList> {
  static override properties = { ...SettingsPage.properties, webhook: {} };
  /** The id; absent where it is a new one. */
  declare webhook: string | undefined;
  protected override readonly name = 'settings.webhooks.name';
  #form: Form<Values, WebhookInput> | undefined;
  #secret: string | undefined;

  protected override get shown() {
    return this.app.data.webhooks;
  }

  protected override head(list: WebhookList): TemplateResult {
    const known = this.#known(list);
    const sentence = known
      ? known.name
      : t(this.webhook ? 'settings.webhooks.gone' : 'settings.webhooks.add');
    return html`${back(t('settings.webhooks.name'), '#/settings/notifications')}${heading(sentence)}`;
  }

  protected override draw(list: WebhookList): TemplateResult {
    const known = this.#known(list);
    if (this.webhook && !known) return html``;
    this.#form ??= new Form({
      host: this,
      schema: WebhookInput,
      values: known ? toValues(known) : FRESH,
      body: (values) => this.#body(values, known),
    });
    return html`
      ${known ? this.#state(known) : nothing}
      <section class="card">
        <h2>${t(known ? 'settings.webhooks.change' : 'settings.webhooks.whom')}</h2>
        ${this.#draw(this.#form, known)}
      </section>
      ${known ? this.#deliveries(known) : nothing}
    `;
  }

  #known({ webhooks }: WebhookList): Webhook | undefined {
    return webhooks.find(({ id }) => id === this.webhook);
  }

  #state(known: Webhook): TemplateResult {
    const signed = WEBHOOK_KINDS[known.kind].signed;
    return html`
      <section class="card">
        <p>${webhookStatus(known)}</p>
        ${known.problem ? problem(known.problem) : nothing}
        <div class="actions start">
          ${button({ label: t('settings.webhooks.test'), act: () => this.#test(known) })}
          ${signed && !this.#secret ? button({ label: t('settings.webhooks.secret'), act: () => this.#reveal(known) }) : nothing}
        </div>
        ${
          this.#secret
            ? html`<p class="help">${t('settings.webhooks.secret_help')}</p>
                <p class="copied"><code>${this.#secret}</code></p>
                ${copyButton(this.app, () => this.#secret ?? '')}`
            : nothing
        }
      </section>
    `;
  }

  #draw(form: Form<Values, WebhookInput>, known: Webhook | undefined): TemplateResult {
    const { values } = form;
    const kind = values.kind as WebhookKind;
    const needs = WEBHOOK_KINDS[kind].token;
    const content = html`
      ${
        known
          ? nothing
          : choice({
              id: 'kind',
              label: t('settings.webhooks.kind_label'),
              value: kind,
              choices: KINDS.map((value) => ({ value, label: t(`settings.webhooks.kind.${value}`) })),
              change: (value) => form.set({ kind: value }),
            })
      }
      ${field({
        id: 'name',
        label: t('settings.webhooks.name_label'),
        error: form.wrong('name') ? t('settings.webhooks.name_wrong') : undefined,
        value: values.name,
        required: true,
        input: (name) => form.set({ name }),
      })}
      ${field({
        id: 'url',
        label: t('settings.webhooks.url'),
        help: t(`settings.webhooks.url_help.${kind}`),
        error: form.wrong('url') ? t('settings.webhooks.url_wrong', { example: EXAMPLES[kind] }) : undefined,
        value: values.url,
        type: 'url',
        placeholder: known ? t('settings.webhooks.url_kept', { host: known.host }) : EXAMPLES[kind],
        required: !known,
        unmarked: known !== undefined,
        input: (url) => form.set({ url }),
      })}
      ${
        needs === 'none'
          ? nothing
          : field({
              id: 'token',
              label: t('settings.webhooks.token'),
              value: values.token,
              type: 'secret',
              autocomplete: 'new-password',
              required: needs === 'required' && !known,
              unmarked: known?.has_token === true,
              ...(known?.has_token ? { placeholder: t('field.kept') } : {}),
              input: (token) => form.set({ token }),
            })
      }
      ${choice({
        id: 'severity',
        label: t('settings.webhooks.severity'),
        value: values.severity,
        choices: SEVERITIES.map((value) => ({ value, label: t(`settings.webhooks.level.${value}`) })),
        change: (severity) => form.set({ severity }),
      })}
      <fieldset class="field">
        <legend>${t('settings.webhooks.topics')}</legend>
        ${HAPPENING_TOPICS.map((topic) =>
          toggle({
            id: `topic-${topic}`,
            label: t(`settings.webhooks.topic.${topic}`),
            on: values.topics.includes(topic),
            change: (on) =>
              form.set({
                topics: HAPPENING_TOPICS.filter((one) => (one === topic ? on : values.topics.includes(one))),
              }),
          }),
        )}
        <p class="field-error" aria-live="polite">${form.wrong('topics') ? t('settings.webhooks.topics_wrong') : nothing}</p>
      </fieldset>
      ${known ? toggle({ id: 'enabled', label: t('settings.webhooks.enabled'), on: values.enabled, change: (enabled) => form.set({ enabled }) }) : nothing}
    `;
    return form.render({
      content,
      verb: t(known ? 'act.save' : 'settings.webhooks.act'),
      meanwhile: t('settings.trying'),
      act: (body) => this.#save(body, known),
      more: known ? button({ label: t('act.delete'), danger: true, act: () => this.#delete(known) }) : html``,
    });
  }

  #deliveries({ deliveries }: Webhook): TemplateResult {
    return html`
      <section class="card">
        <h2>${t('settings.webhooks.deliveries')}</h2>
        ${deliveries.length === 0 ? html`<p class="quiet">${t('settings.webhooks.no_deliveries')}</p>` : nothing}
        <ol class="stack">
          ${deliveries.map(
            (one) => html`<li class="row">
              <div>
                <p>${one.title}</p>
                <p class="quiet small">${ago(one.created_at)}${one.problem ? html` · ${one.problem.title}` : nothing}</p>
              </div>
              <p class="small">${status(TONES[one.state], t(`settings.webhooks.state.${one.state}`))}</p>
            </li>`,
          )}
        </ol>
      </section>
    `;
  }

  /** All topics are the same as none: what comes with a later version is told, too. */
  #body({ topics, url, token, ...values }: Values, known: Webhook | undefined): object {
    const kept = known ? { url: `https://${known.host || 'kept'}` } : {};
    return {
      ...values,
      ...(url === '' ? kept : { url }),
      ...(token === '' ? {} : { token }),
      topics: topics.length === 0 ? null : topics.length === HAPPENING_TOPICS.length ? [] : topics,
    };
  }

  async #save(body: WebhookInput, known: Webhook | undefined): Promise<void> {
    const { api, toasts, router } = this.app;
    if (!known) {
      const { id } = await api.post<Webhook>(PATHS.webhooks, { body });
      await this.shown.refresh();
      this.#form = undefined;
      toasts.say(t('settings.webhooks.added'));
      router.replace(`/settings/notifications/${id}`);
      return;
    }
    const { kind: _, url, ...patch } = body;
    const typed = this.#form?.values.url === '' ? patch : { ...patch, url };
    await api.patch(PATHS.webhook, { params: { webhook_id: known.id }, body: typed });
    this.#form = undefined;
    await this.shown.refresh();
    toasts.say(t('settings.saved'));
  }

  async #test({ id, name }: Webhook): Promise<void> {
    try {
      await this.app.api.post(PATHS.webhook_test, { params: { webhook_id: id } });
      this.app.toasts.say(t('settings.webhooks.tested', { name }));
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }

  async #reveal({ id }: Webhook): Promise<void> {
    try {
      const answer = await this.app.api.post<{ secret: string }>(PATHS.webhook_secret, {
        params: { webhook_id: id },
      });
      this.#secret = answer.secret;
      this.requestUpdate();
    } catch (error) {
      this.app.toasts.fail(error);
    }
  }

  #delete({ id, name }: Webhook): Promise<boolean> {
    return confirm({
      title: t('settings.webhooks.delete_title', { name }),
      content: t('settings.webhooks.delete_text'),
      verb: t('act.delete'),
      danger: true,
      act: async () => {
        await this.app.api.delete(PATHS.webhook, { params: { webhook_id: id } });
        await this.shown.refresh();
        this.app.router.replace('/settings/notifications');
      },
    });
  }
}

customElements.define('hs-webhook', WebhookPage);
