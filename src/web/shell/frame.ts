import type { Router } from './router.ts';

/** What Home Assistant tells a page in its panel (frontend, `ha-panel-app.ts`). */
interface Properties {
  readonly type: 'home-assistant/properties';
  readonly narrow: boolean;
  readonly route: { readonly path: string } | undefined;
  readonly safeAreaInsets?: Readonly<Record<'top' | 'right' | 'bottom' | 'left', string>>;
}

const isProperties = (data: unknown): data is Properties =>
  (data as Partial<Properties> | null)?.type === 'home-assistant/properties';

/** Asks the page of Home Assistant around us how much room there is, and where a link into us leads. */
export function followFrame(router: Router): void {
  if (window.parent === window) return;
  let led = false;
  addEventListener('message', ({ source, origin, data }: MessageEvent<unknown>) => {
    if (source !== window.parent || origin !== location.origin || !isProperties(data)) return;
    const { style } = document.documentElement;
    for (const [side, inset] of Object.entries(data.safeAreaInsets ?? {})) {
      if (CSS.supports('padding', inset)) style.setProperty(`--hs-inset-${side}`, inset);
    }
    // the rest of a link (`/app/homestash/backups`) counts once: afterwards a person goes where they want
    const path = data.route?.path;
    if (!led && path && path !== '/' && location.hash === '') router.replace(path);
    led = true;
  });
  const ask = { type: 'home-assistant/subscribe-properties', handleSafeArea: true };
  window.parent.postMessage(ask, location.origin);
}
