import { mdiCloud, mdiFolderOpen, mdiServer } from '@mdi/js';
import { html, svg, type TemplateResult } from 'lit';
import type { Provider } from '../../contract/index.ts';
import { icon } from '../kit/icon.ts';
import { t } from '../words/index.ts';
import { FOLDER, OTHER } from './preset.ts';

/** Two letters by which a provider is found again: a shape of our own, no logo of theirs. */
function monogram(name: string): string {
  const [first = '', second = ''] = name.replace(/[^A-Za-z0-9 ]/g, '').split(' ');
  if (second === '') return first.slice(0, 2);
  return second.length === 2 ? second : `${first[0]}${second[0]}`;
}

const cloud = (name: string): TemplateResult => html`
  <svg class="mark" viewBox="0 0 24 24" aria-hidden="true">
    <path d=${mdiCloud}></path>
    ${svg`<text x="12" y="16.2" text-anchor="middle">${monogram(name)}</text>`}
  </svg>
`;

const tile = (path: string, mark: TemplateResult, name: string): TemplateResult => html`
  <li><a class="card tile" href="#/backups/targets/new/${path}">${mark}<span class="strong">${name}</span></a></li>
`;

/** A provider to choose. */
export const providerTile = ({ id, name, endpoint }: Provider): TemplateResult =>
  tile(id, endpoint === null ? icon(mdiServer) : cloud(name), id === OTHER ? t('add.other') : name);

export const folderTile = (): TemplateResult => tile(FOLDER, icon(mdiFolderOpen), t('add.folder'));
