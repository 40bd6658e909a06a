/** Where the settings stand to which other pages lead. */
export const LINKS = {
  connect: '#/settings/home-assistant',
  pair: '#/settings/pairing',
  recovery_key: '#/settings/recovery-key',
  about: '#/settings/about',
  notifications: '#/settings/notifications',
} as const;
