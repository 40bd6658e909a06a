import { mdiShieldHomeOutline } from '@mdi/js';
import { html, type TemplateResult } from 'lit';
import type { Words } from '../words/index.ts';
import type { App } from './app.ts';
import '../overview/index.ts';

/** A page: where it is found, what it is called, and its element. */
export interface PageEntry {
  /** With parameters as `:id`. */
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
];
