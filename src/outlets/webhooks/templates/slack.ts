import { isGood, type Template, titleOf } from '../message.ts';

const MARKS = { error: ':red_circle:', warning: ':large_yellow_circle:', info: ':large_blue_circle:' };

/** Slack reads these three (Slack API, "Escaping text"); with them written out, a name can call nobody. */
const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A text in Slack's own markup (Slack API, "Sending messages using incoming webhooks"). */
export const slack: Template = (told, { url }) => {
  const { happening, home } = told;
  const mark = isGood(happening) ? ':large_green_circle:' : MARKS[happening.severity];
  return {
    url,
    body: { text: `${mark} *${escaped(titleOf(told))}*\n${escaped(happening.text)}\n_${escaped(home)}_` },
  };
};
