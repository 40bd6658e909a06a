import {
  mdiAlert,
  mdiCheckCircle,
  mdiCircleOutline,
  mdiCloseOctagon,
  mdiInformation,
  mdiProgressClock,
} from '@mdi/js';
import { html, type TemplateResult } from 'lit';
import { icon } from './icon.ts';

export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'busy' | 'off';

/** Each state has a shape of its own: nobody needs to tell colours apart. */
const SHAPES: Readonly<Record<Tone, string>> = {
  ok: mdiCheckCircle,
  warn: mdiAlert,
  bad: mdiCloseOctagon,
  info: mdiInformation,
  busy: mdiProgressClock,
  off: mdiCircleOutline,
};

/** The shape of a state alone, beside a text that says it. */
export const shape = (tone: Tone): TemplateResult =>
  html`<span class="tone ${tone}">${icon(SHAPES[tone])}</span>`;

/** A state as a word, with its shape and colour. */
export const status = (tone: Tone, word: string | TemplateResult): TemplateResult =>
  html`<span class="status ${tone}">${icon(SHAPES[tone])}<span>${word}</span></span>`;
