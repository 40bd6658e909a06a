import { mdiChevronRight, mdiPlus } from '@mdi/js';
import { html, nothing, type TemplateResult } from 'lit';
import type { Webhook, WebhookList } from '../../contract/index.ts';
import { icon } from '../kit/icon.ts';
import { status } from '../kit/status.ts';
import { t } from '../words/index.ts';
import { SettingsPage, top } from './page.ts';

/** How it goes with somebody who is told. */
export function webhookStatus({ enabled, problem, waiting, deliveries }: Webhook): TemplateResult {
  if (!enabled) return status('off', t('settings.webhooks.off'));
  if (problem) return status('bad', t('settings.webhooks.waiting', { count: waiting }));
  if (waiting > 0) return status('busy', t('settings.webhooks.waiting', { count: waiting }));
  if (deliveries[0]?.state === 'failed') return status('warn', t('settings.webhooks.state.failed'));
  return status('ok', t('settings.webhooks.fine'));
}

/** Who is told of what happens. */
class WebhooksPage extends SettingsPage<WebhookList> {
  protected override readonly name = 'settings.webhooks.name';

  protected override get shown() {
    return this.app.data.webhooks;
  }

  protected override head({ webhooks }: WebhookList): TemplateResult {
    const count = webhooks.length;
    const sentence = count === 0 ? t('settings.webhooks.none') : t('settings.webhooks.title', { count });
    return top(sentence, t('settings.webhooks.lead'));
  }

  protected override draw({ webhooks }: WebhookList): TemplateResult {
    return html`
      ${
        webhooks.length === 0
          ? nothing
          : html`<section class="card"><ul class="rows">${webhooks.map(row)}</ul></section>`
      }
      <a class="card add" href="#/settings/notifications/new"
        >${icon(mdiPlus)}<span>${t('settings.webhooks.add')}</span></a
      >
    `;
  }
}

const row = (webhook: Webhook): TemplateResult => html`
  <li>
    <a href="#/settings/notifications/${webhook.id}">
      <span
        ><span class="strong">${webhook.name}</span
        ><span class="quiet small"
          >${t(`settings.webhooks.kind.${webhook.kind}`)} · ${t(`settings.webhooks.level.${webhook.severity}`)}</span
        ><span class="small">${webhookStatus(webhook)}</span></span
      >${icon(mdiChevronRight)}
    </a>
  </li>
`;

customElements.define('hs-webhooks', WebhooksPage);
