import { isDark, legible, mix } from './colour.ts';

/** Home Assistant's variables that we take over, by the names of ours. */
const TAKEN = {
  surface: '--primary-background-color',
  card: '--card-background-color',
  text: '--primary-text-color',
  'text-2': '--secondary-text-color',
  accent: '--primary-color',
  ok: '--success-color',
  warn: '--warning-color',
  bad: '--error-color',
} as const;

/** As WCAG 2 asks it of text, and of what must be seen. */
const TEXT_CONTRAST = 4.5;
const SHAPE_CONTRAST = 3;

/** Colours as the browser understands them, as six hexadecimal digits; undefined for what is none, or see-through. */
function parse(value: string): string | undefined {
  const canvas = document.createElement('canvas').getContext('2d');
  if (!canvas || !CSS.supports('color', value)) return undefined;
  canvas.fillStyle = value;
  return /^#[0-9a-f]{6}$/.test(canvas.fillStyle) ? canvas.fillStyle : undefined;
}

/** Takes over the colours of the page around us; what it has not, or what cannot be read on it, stays ours. */
function takeOver(outside: HTMLElement, inside: HTMLElement): void {
  const style = outside.ownerDocument.defaultView?.getComputedStyle(outside);
  const read = (name: keyof typeof TAKEN) => parse(style?.getPropertyValue(TAKEN[name]).trim() ?? '');
  const card = read('card') ?? read('surface');
  const surface = read('surface') ?? card;
  const text = read('text');
  if (!card || !surface || !text) return;
  const set = (name: string, value: string) => inside.style.setProperty(`--hs-${name}`, value);
  const onBoth = (colour: string) => legible(legible(colour, card, TEXT_CONTRAST), surface, TEXT_CONTRAST);
  inside.style.colorScheme = isDark(card) ? 'dark' : 'light';
  inside.dataset.theme = isDark(card) ? 'dark' : 'light';
  set('surface', surface);
  set('card', card);
  set('text', onBoth(text));
  set('text-2', onBoth(read('text-2') ?? text));
  set('line', mix(text, card, 0.14));
  set('control', legible(mix(text, card, 0.45), card, SHAPE_CONTRAST));
  for (const name of ['accent', 'ok', 'warn', 'bad'] as const) {
    const colour = read(name);
    if (!colour) continue;
    set(name, onBoth(colour));
    set(`on-${name}`, isDark(onBoth(colour)) ? '#ffffff' : '#0b0d10');
  }
}

/**
 * Inside Home Assistant the page has its colours, as far as they can be read: that is no interface of theirs, so it may
 * fail. Follows when a person changes them.
 */
export function followTheme(): void {
  try {
    if (window.parent === window) return;
    const outside = window.parent.document.documentElement;
    const inside = document.documentElement;
    const change = () => takeOver(outside, inside);
    change();
    new MutationObserver(change).observe(outside, { attributes: true });
  } catch {
    // framed by a page of another origin: our own colours do
  }
}

/** The languages that a person wants, the most wanted first: that of Home Assistant's page around us, then the browser's. */
export function wantedLanguages(): readonly string[] {
  try {
    const outside = window.parent === window ? '' : window.parent.document.documentElement.lang;
    return outside ? [outside, ...navigator.languages] : navigator.languages;
  } catch {
    return navigator.languages;
  }
}
