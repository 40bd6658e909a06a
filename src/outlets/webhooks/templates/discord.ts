import { isGood, type Template, titleOf } from '../message.ts';

/** Colours of Discord's own, as numbers. */
const COLOURS = { error: 0xed4245, warning: 0xfee75c, info: 0x5865f2, good: 0x57f287 };

/** Limits of an embed (Discord developer documentation, "Embed limits"). */
const TITLE = 256;
const DESCRIPTION = 4096;

/** A message with one embed (Discord developer documentation, "Execute Webhook"). */
export const discord: Template = (told, { url }) => {
  const { happening, home } = told;
  return {
    url,
    body: {
      username: home.slice(0, 80),
      // nobody is called by what a backup is named
      allowed_mentions: { parse: [] },
      embeds: [
        {
          title: titleOf(told).slice(0, TITLE),
          description: happening.text.slice(0, DESCRIPTION),
          timestamp: happening.at,
          color: isGood(happening) ? COLOURS.good : COLOURS[happening.severity],
        },
      ],
    },
  };
};
