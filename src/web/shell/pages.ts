import { mdiArchiveOutline, mdiCogOutline, mdiDevices, mdiHistory, mdiShieldHomeOutline } from '@mdi/js';
import { html, type TemplateResult } from 'lit';
import '../backups/index.ts';
import '../backups/item.ts';
import '../overview/index.ts';
import '../targets/target.ts';
import type { Words } from '../words/index.ts';
import type { App } from './app.ts';

/** A page: where it is found, what it is called, and its element. */
export interface PageEntry {
  /** With parameters as `:id`; of two that fit, the first one counts. */
  readonly path: string;
  readonly title: Words;
  readonly render: (app: App, params: Readonly<Record<string, string>>) => TemplateResult;
  /** Brings what it is made of, where that does not come with the first page. */
  readonly load?: () => Promise<unknown>;
  /** Stands in the sidebar, and in the bar on a phone; current on every path below its own. */
  readonly icon?: string;
}

// What few look at, and seldom, is loaded when somebody does.
const addTargets = () => import('../targets/pages.ts');
const settings = () => import('../settings/index.ts');
const devices = () => import('../devices/pages.ts');
const activity = () => import('../activity/index.ts');

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
    load: addTargets,
    title: 'add.title',
    render: (app) => html`<hs-choose-provider .app=${app}></hs-choose-provider>`,
  },
  {
    path: '/backups/targets/new/:provider',
    load: addTargets,
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
    load: addTargets,
    title: 'edit.name',
    render: (app, { id }) => html`<hs-edit-target .app=${app} .target=${id}></hs-edit-target>`,
  },
  {
    path: '/backups/targets/:id/added',
    load: addTargets,
    title: 'added.name',
    render: (app, { id }) => html`<hs-target-added .app=${app} .target=${id}></hs-target-added>`,
  },
  {
    path: '/devices',
    load: devices,
    title: 'devices.name',
    icon: mdiDevices,
    render: (app) => html`<hs-devices .app=${app}></hs-devices>`,
  },
  {
    path: '/devices/find',
    load: devices,
    title: 'devices.find_title',
    render: (app) => html`<hs-find-devices .app=${app}></hs-find-devices>`,
  },
  {
    path: '/devices/import',
    load: devices,
    title: 'devices.import_title',
    render: (app) => html`<hs-import-devices .app=${app}></hs-import-devices>`,
  },
  {
    path: '/devices/new',
    load: devices,
    title: 'devices.add_title',
    render: (app) => html`<hs-device-kinds .app=${app}></hs-device-kinds>`,
  },
  {
    path: '/devices/new/:kind',
    load: devices,
    title: 'devices.add_title',
    render: (app, { kind }) => html`<hs-add-device .app=${app} .kind=${kind}></hs-add-device>`,
  },
  {
    path: '/devices/:id',
    load: devices,
    title: 'devices.one',
    render: (app, { id }) => html`<hs-device .app=${app} .device=${id}></hs-device>`,
  },
  {
    path: '/devices/:id/edit',
    load: devices,
    title: 'devices.edit',
    render: (app, { id }) => html`<hs-edit-device .app=${app} .device=${id}></hs-edit-device>`,
  },
  {
    path: '/devices/:id/saved/:artefact',
    load: devices,
    title: 'devices.saved_one',
    render: (app, { id, artefact }) =>
      html`<hs-saved .app=${app} .device=${id} .artefact=${artefact}></hs-saved>`,
  },
  {
    path: '/devices/:id/saved/:artefact/restore',
    load: devices,
    title: 'devices.write_back',
    render: (app, { id, artefact }) =>
      html`<hs-restore-device .app=${app} .device=${id} .artefact=${artefact}></hs-restore-device>`,
  },
  {
    path: '/activity',
    load: activity,
    title: 'activity.name',
    icon: mdiHistory,
    render: (app) => html`<hs-activity .app=${app}></hs-activity>`,
  },
  {
    path: '/settings',
    load: settings,
    title: 'settings.name',
    icon: mdiCogOutline,
    render: (app) => html`<hs-settings .app=${app}></hs-settings>`,
  },
  {
    path: '/settings/general',
    load: settings,
    title: 'settings.general.name',
    render: (app) => html`<hs-general .app=${app}></hs-general>`,
  },
  {
    path: '/settings/home-assistant',
    load: settings,
    title: 'settings.home.name',
    render: (app) => html`<hs-home .app=${app}></hs-home>`,
  },
  {
    path: '/settings/pairing',
    load: settings,
    title: 'settings.pairing.name',
    render: (app) => html`<hs-pairing .app=${app}></hs-pairing>`,
  },
  {
    path: '/settings/mqtt',
    load: settings,
    title: 'settings.mqtt.name',
    render: (app) => html`<hs-mqtt .app=${app}></hs-mqtt>`,
  },
  {
    path: '/settings/notifications',
    load: settings,
    title: 'settings.webhooks.name',
    render: (app) => html`<hs-webhooks .app=${app}></hs-webhooks>`,
  },
  {
    path: '/settings/notifications/new',
    load: settings,
    title: 'settings.webhooks.add',
    render: (app) => html`<hs-webhook .app=${app}></hs-webhook>`,
  },
  {
    path: '/settings/notifications/:id',
    load: settings,
    title: 'settings.webhooks.name',
    render: (app, { id }) => html`<hs-webhook .app=${app} .webhook=${id}></hs-webhook>`,
  },
  {
    path: '/settings/recovery-key',
    load: settings,
    title: 'settings.recovery.name',
    render: (app) => html`<hs-recovery .app=${app}></hs-recovery>`,
  },
  {
    path: '/settings/access',
    load: settings,
    title: 'settings.access.name',
    render: (app) => html`<hs-access .app=${app}></hs-access>`,
  },
  {
    path: '/settings/move',
    load: settings,
    title: 'settings.move.name',
    render: (app) => html`<hs-move .app=${app}></hs-move>`,
  },
  {
    path: '/settings/log',
    load: settings,
    title: 'settings.log.name',
    render: (app) => html`<hs-log .app=${app}></hs-log>`,
  },
  {
    path: '/settings/about',
    load: settings,
    title: 'settings.about.name',
    render: (app) => html`<hs-about .app=${app}></hs-about>`,
  },
];
