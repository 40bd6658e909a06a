/** The languages in which everything visible is written; the first is spoken where no other fits. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];
