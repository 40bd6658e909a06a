type Rgb = readonly [number, number, number];

const BLACK = '#000000';
const WHITE = '#ffffff';

/** In how many steps a colour is moved until it can be read. */
const STEPS = 20;

function toRgb(hex: string): Rgb {
  const value = Number.parseInt(hex.slice(1), 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

function toHex(rgb: readonly number[]): string {
  return `#${rgb.map((part) => Math.round(part).toString(16).padStart(2, '0')).join('')}`;
}

/** `share` of the first colour in the second. */
export function mix(colour: string, into: string, share: number): string {
  const [from, to] = [toRgb(colour), toRgb(into)];
  return toHex(from.map((part, at) => part * share + (to[at] as number) * (1 - share)));
}

/** Relative luminance (WCAG 2). */
function luminance(colour: string): number {
  const [red, green, blue] = toRgb(colour).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1 to 21 (WCAG 2). */
export function contrast(one: string, other: string): number {
  const [dark, light] = [luminance(one), luminance(other)].toSorted((a, b) => a - b) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

/** Whether white is read better on it than black. */
export const isDark = (colour: string): boolean => contrast(colour, WHITE) > contrast(colour, BLACK);

/** The colour, moved towards black or white as far as it must be to be read on a ground. */
export function legible(colour: string, ground: string, ratio: number): string {
  const end = isDark(ground) ? WHITE : BLACK;
  for (let step = 0; step <= STEPS; step += 1) {
    const moved = mix(end, colour, step / STEPS);
    if (contrast(moved, ground) >= ratio) return moved;
  }
  return end;
}
