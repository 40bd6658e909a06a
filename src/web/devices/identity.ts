import { html, nothing, type TemplateResult } from 'lit';
import type { DeviceIdentity } from '../../contract/index.ts';
import { t } from '../words/index.ts';

const MEMBERS = ['name', 'model', 'firmware', 'chip', 'id'] as const;

/** What a device says of itself. */
export const identityFacts = (identity: DeviceIdentity): TemplateResult => html`
  <dl class="facts">
    ${MEMBERS.map((member) =>
      identity[member]
        ? html`<dt>${t(`devices.identity.${member}`)}</dt><dd>${identity[member]}</dd>`
        : nothing,
    )}
  </dl>
`;
