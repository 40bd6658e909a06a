import { html, nothing, type TemplateResult } from 'lit';
import { MqttSettings, type MqttStatus, PATHS } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { confirm } from '../kit/dialog.ts';
import { field } from '../kit/field.ts';
import { Form } from '../kit/form.ts';
import { problem } from '../kit/problem.ts';
import { status, type Tone } from '../kit/status.ts';
import { t } from '../words/index.ts';
import { SettingsPage, top } from './page.ts';
import { shownDevices } from './shown.ts';

export const MQTT_TONES: Readonly<Record<MqttStatus['state'], Tone>> = {
  off: 'off',
  connecting: 'busy',
  connected: 'ok',
  failed: 'bad',
};

/** A broker, for example. */
const EXAMPLE = 'mqtt://192.168.1.2:1883';

const toValues = ({ source, discovery_prefix, ...known }: MqttStatus) => {
  // what the Supervisor gave is not what a person would enter
  const entered = source === 'settings' ? known : undefined;
  return {
    url: entered?.url ?? '',
    username: entered?.username ?? '',
    ca_certificate: entered?.ca_certificate ?? '',
    client_certificate: entered?.client_certificate ?? '',
    discovery_prefix,
    password: '',
    client_key: '',
  };
};
type Values = ReturnType<typeof toValues>;

/** The MQTT broker: which one, how the connection stands, and another one. */
class MqttPage extends SettingsPage<MqttStatus> {
  protected override readonly name = 'settings.mqtt.name';
  #form: Form<Values, MqttSettings> | undefined;

  protected override get shown() {
    return this.app.data.mqtt;
  }

  protected override watched() {
    return [...super.watched(), this.app.data.shown];
  }

  protected override head({ state }: MqttStatus): TemplateResult {
    return top(t(`settings.mqtt.title.${state}`), t('settings.mqtt.lead'));
  }

  protected override draw(mqtt: MqttStatus): TemplateResult {
    const { source, state, url, username, problem: trouble } = mqtt;
    const shown = this.app.data.shown.value;
    this.#form ??= new Form({
      host: this,
      schema: MqttSettings,
      values: toValues(mqtt),
      body: (values) => this.#body(values),
    });
    this.#form.fresh(toValues(mqtt));
    return html`
      ${
        source === 'none'
          ? nothing
          : html`<section class="card">
              <h2>${t('settings.mqtt.broker')}</h2>
              ${trouble ? problem(trouble) : nothing}
              <dl class="facts">
                <dt>${t('settings.mqtt.state')}</dt>
                <dd>${status(MQTT_TONES[state], t(`settings.mqtt.${state}`))}</dd>
                <dt>${t('settings.mqtt.url')}</dt>
                <dd>${url}</dd>
                ${username ? html`<dt>${t('settings.mqtt.username')}</dt><dd>${username}</dd>` : nothing}
                <dt>${t('settings.mqtt.source')}</dt>
                <dd>${t(`settings.mqtt.from.${source}`)}</dd>
              </dl>
            </section>`
      }
      ${state === 'connected' && shown ? shownDevices(shown) : nothing}
      <section class="card">
        <h2>${t(source === 'settings' ? 'settings.mqtt.change' : 'settings.mqtt.enter')}</h2>
        ${this.#draw(this.#form, source === 'settings')}
      </section>
    `;
  }

  #draw(form: Form<Values, MqttSettings>, entered: boolean): TemplateResult {
    const { values } = form;
    const content = html`
      ${field({
        id: 'broker',
        label: t('settings.mqtt.url'),
        help: t('settings.mqtt.url_help'),
        error: form.wrong('url') ? t('settings.mqtt.url_wrong', { example: EXAMPLE }) : undefined,
        value: values.url,
        type: 'url',
        placeholder: EXAMPLE,
        required: true,
        input: (url) => form.set({ url }),
      })}
      ${field({
        id: 'username',
        label: t('settings.mqtt.username'),
        value: values.username,
        input: (username) => form.set({ username }),
      })}
      ${field({
        id: 'mqtt-password',
        label: t('settings.mqtt.password'),
        value: values.password,
        type: 'secret',
        autocomplete: 'new-password',
        ...(this.#keeps(values) ? { placeholder: t('field.kept') } : {}),
        input: (password) => form.set({ password }),
      })}
      <details class="more">
        <summary>${t('settings.more')}</summary>
        ${field({
          id: 'ca',
          label: t('settings.mqtt.ca'),
          help: t('settings.mqtt.ca_help'),
          error: form.wrong('ca_certificate') ? t('settings.mqtt.ca_wrong') : undefined,
          value: values.ca_certificate,
          type: 'multiline',
          placeholder: '-----BEGIN CERTIFICATE-----',
          input: (ca_certificate) => form.set({ ca_certificate }),
        })}
        ${field({
          id: 'client-certificate',
          label: t('settings.mqtt.cert'),
          help: t('settings.mqtt.cert_help'),
          error: form.wrong('client_certificate') ? t('settings.mqtt.cert_wrong') : undefined,
          value: values.client_certificate,
          type: 'multiline',
          placeholder: '-----BEGIN CERTIFICATE-----',
          input: (client_certificate) => form.set({ client_certificate }),
        })}
        ${
          values.client_certificate === ''
            ? nothing
            : field({
                id: 'client-key',
                label: t('settings.mqtt.key'),
                help: t('settings.mqtt.key_help'),
                error: form.wrong('client_key') ? t('settings.mqtt.key_wrong') : undefined,
                value: values.client_key,
                type: 'multiline',
                placeholder: this.#keepsKey(values) ? t('field.kept') : '-----BEGIN PRIVATE KEY-----',
                input: (client_key) => form.set({ client_key }),
              })
        }
        ${field({
          id: 'prefix',
          label: t('settings.mqtt.prefix'),
          help: t('settings.mqtt.prefix_help'),
          error: form.wrong('discovery_prefix') ? t('settings.mqtt.prefix_wrong') : undefined,
          value: values.discovery_prefix,
          required: true,
          input: (discovery_prefix) => form.set({ discovery_prefix }),
        })}
      </details>
    `;
    return form.render({
      content,
      verb: t('settings.mqtt.act'),
      meanwhile: t('settings.trying'),
      act: (body) => this.#use(body),
      more: entered
        ? button({ label: t('settings.mqtt.forget'), danger: true, act: () => this.#forget() })
        : html``,
    });
  }

  /** Whether the password that is kept stays when none is entered: it only goes to the host that it was entered for. */
  #keeps({ url, username }: Values): boolean {
    return username !== '' && this.#isSameHost(url);
  }

  #keepsKey({ url }: Values): boolean {
    return this.#isSameHost(url) && (this.shown.value?.client_certificate ?? '') !== '';
  }

  #isSameHost(url: string): boolean {
    const { value } = this.shown;
    const host = (text: string | null) => URL.parse(text ?? '')?.hostname;
    return value?.source === 'settings' && host(url) === host(value.url);
  }

  #body(values: Values): object {
    const { password, client_key, ...others } = values;
    return {
      ...others,
      ...(password === '' && this.#keeps(values) ? {} : { password }),
      ...(client_key === '' && this.#keepsKey(values) ? {} : { client_key }),
    };
  }

  async #use(body: MqttSettings): Promise<void> {
    await this.app.api.put(PATHS.mqtt, { body });
    await this.shown.refresh();
    this.app.toasts.say(t('settings.mqtt.done'));
  }

  #forget(): Promise<boolean> {
    return confirm({
      title: t('settings.mqtt.forget_title', { url: this.shown.value?.url ?? '' }),
      content: t('settings.mqtt.forget_text'),
      verb: t('settings.mqtt.forget'),
      danger: true,
      act: async () => {
        await this.app.api.delete(PATHS.mqtt);
        this.#form = undefined;
        await this.shown.refresh();
      },
    });
  }
}

customElements.define('hs-mqtt', MqttPage);
