import { isDeepStrictEqual } from 'node:util';
import { GeneralSettingsPatch } from '../contract/index.ts';
import { type Portable, portable } from '../kernel/portable.ts';
import { Settings } from '../kernel/settings.ts';
import { GENERAL_DOCUMENT } from './settings.ts';

/** The general settings that were ever set. */
export const portableGeneral: Portable = portable({
  name: 'general',
  schema: GeneralSettingsPatch,
  read: (tables) => new Settings(tables()).read(GENERAL_DOCUMENT, GeneralSettingsPatch),
  write: async (patch, tables) => {
    const settings = new Settings(tables());
    const before = (await settings.read(GENERAL_DOCUMENT, GeneralSettingsPatch)) ?? {};
    const after = { ...before, ...patch };
    if (isDeepStrictEqual(before, after)) return false;
    await settings.write(GENERAL_DOCUMENT, after);
    return true;
  },
});
