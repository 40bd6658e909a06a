import { mdiArchiveOutline, mdiCogOutline, mdiShieldHomeOutline } from '@mdi/js';
import { html, type TemplateResult } from 'lit';
import '../backups/index.ts';
import '../backups/item.ts';
import '../overview/index.ts';
import '../settings/index.ts';
import '../targets/add.ts';
import '../targets/added.ts';
import '../targets/choose-provider.ts';
import '../targets/edit.ts';
import '../targets/target.ts';
import type { Words } from '../words/index.ts';
import type { App } from './app.ts';

/** A page: where it is found, what it is called, and its element. */
export interface PageEntry {
  /** With parameters as `:id`; of two that fit, the first one counts. */
  readonly path: string;
  readonly title: Words;
  readonly render: (app: App, params: Readonly<Record<string, string>>) => TemplateResult;
  /** Stands in the sidebar, and in the bar on a phone; current on every path below its own. */
  readonly icon?: string;
}

/** Every page there is; those with an icon in the order of the sidebar. */
export const PAGES: readonly PageEntry[] = [
  {
    path: '/overview',
    title: 'overview.name',
    icon: mdiShieldHomeOutline,
    render: (app) => html`<hs-overview .app=${app}></hs-overview>`,
  },
  {
    path: '/backups',
    title: 'backups.name',
    icon: mdiArchiveOutline,
    render: (app) => html`<hs-backups .app=${app}></hs-backups>`,
  },
  {
    path: '/backups/item/:id',
    title: 'item.name',
    render: (app, { id }) => html`<hs-backup .app=${app} .backup=${id}></hs-backup>`,
  },
  {
    path: '/backups/targets/new',
    title: 'add.title',
    render: (app) => html`<hs-choose-provider .app=${app}></hs-choose-provider>`,
  },
  {
    path: '/backups/targets/new/:provider',
    title: 'add.title',
    render: (app, { provider }) => html`<hs-add-target .app=${app} .provider=${provider}></hs-add-target>`,
  },
  {
    path: '/backups/targets/:id',
    title: 'target.name',
    render: (app, { id }) => html`<hs-target .app=${app} .target=${id}></hs-target>`,
  },
  {
    path: '/backups/targets/:id/check',
    title: 'target.name',
    render: (app, { id }) => html`<hs-target .app=${app} .target=${id} .checking=${true}></hs-target>`,
  },
  {
    path: '/backups/targets/:id/edit',
    title: 'edit.name',
    render: (app, { id }) => html`<hs-edit-target .app=${app} .target=${id}></hs-edit-target>`,
  },
  {
    path: '/backups/targets/:id/added',
    title: 'added.name',
    render: (app, { id }) => html`<hs-target-added .app=${app} .target=${id}></hs-target-added>`,
  },
  {
    path: '/settings',
    title: 'settings.name',
    icon: mdiCogOutline,
    render: (app) => html`<hs-settings .app=${app}></hs-settings>`,
  },
  {
    path: '/settings/general',
    title: 'settings.general.name',
    render: (app) => html`<hs-general .app=${app}></hs-general>`,
  },
  {
    path: '/settings/home-assistant',
    title: 'settings.home.name',
    render: (app) => html`<hs-home .app=${app}></hs-home>`,
  },
  {
    path: '/settings/pairing',
    title: 'settings.pairing.name',
    render: (app) => html`<hs-pairing .app=${app}></hs-pairing>`,
  },
  {
    path: '/settings/mqtt',
    title: 'settings.mqtt.name',
    render: (app) => html`<hs-mqtt .app=${app}></hs-mqtt>`,
  },
  {
    path: '/settings/recovery-key',
    title: 'settings.recovery.name',
    render: (app) => html`<hs-recovery .app=${app}></hs-recovery>`,
  },
  {
    path: '/settings/access',
    title: 'settings.access.name',
    render: (app) => html`<hs-access .app=${app}></hs-access>`,
  },
  {
    path: '/settings/move',
    title: 'settings.move.name',
    render: (app) => html`<hs-move .app=${app}></hs-move>`,
  },
  {
    path: '/settings/log',
    title: 'settings.log.name',
    render: (app) => html`<hs-log .app=${app}></hs-log>`,
  },
  {
    path: '/settings/about',
    title: 'settings.about.name',
    render: (app) => html`<hs-about .app=${app}></hs-about>`,
  },
];
