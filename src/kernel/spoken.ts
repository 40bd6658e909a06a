import type { Language } from '../contract/index.ts';
import type { Bus } from './bus.ts';

interface SpokenOptions {
  readonly bus: Bus<{
    home_assistant_changed: Record<never, never>;
    settings_changed: Record<never, never>;
    language_changed: Record<never, never>;
  }>;
  readonly language: () => Language;
}

/** Tells when those who cannot be asked are told in another language: a home has said which one it speaks. */
export function followLanguage({ bus, language }: SpokenOptions): () => void {
  let before = language();
  const look = () => {
    const now = language();
    if (now === before) return;
    before = now;
    bus.emit('language_changed', {});
  };
  const ends = [bus.on('home_assistant_changed', look), bus.on('settings_changed', look)];
  return () => {
    for (const end of ends) end();
  };
}
