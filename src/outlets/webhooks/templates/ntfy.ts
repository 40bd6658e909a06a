import { isGood, type Template, titleOf } from '../message.ts';

/** From 1 to 5; from 4 on a phone makes itself heard (ntfy documentation, "Message priority"). */
const PRIORITY = { error: 4, warning: 3, info: 2 };

/** Emoji short codes (ntfy documentation, "Tags & emojis"). */
const TAGS = { error: 'rotating_light', warning: 'warning', info: 'information_source' };

/** A message as JSON to the server's root, with the topic from the address (ntfy documentation, "Publish as JSON"). */
export const ntfy: Template = (told, { url, token }) => {
  const { happening } = told;
  const address = new URL(url);
  const parts = address.pathname.split('/').filter((part) => part !== '');
  const topic = decodeURIComponent(parts.pop() ?? '');
  address.pathname = `/${parts.join('/')}`;
  address.search = '';
  return {
    url: address.href,
    headers: token === '' ? {} : { authorization: `Bearer ${token}` },
    body: {
      topic,
      title: titleOf(told),
      message: happening.text,
      priority: isGood(happening) ? 3 : PRIORITY[happening.severity],
      tags: [isGood(happening) ? 'white_check_mark' : TAGS[happening.severity]],
    },
  };
};
