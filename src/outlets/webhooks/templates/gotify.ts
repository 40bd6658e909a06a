import { isGood, type Template, titleOf } from '../message.ts';

/** From 8 on a phone makes itself heard, from 4 on it makes a sound (Gotify's Android app). */
const PRIORITY = { error: 8, warning: 5, info: 2 };

/** A message to an application of Gotify (Gotify documentation, "Push messages"). */
export const gotify: Template = (told, { url, token }) => {
  const { happening } = told;
  const address = new URL(url);
  const base = address.pathname.replace(/\/+$/, '').replace(/\/message$/, '');
  address.pathname = `${base}/message`;
  address.search = '';
  return {
    url: address.href,
    headers: { 'x-gotify-key': token },
    body: {
      title: titleOf(told),
      message: happening.text,
      priority: isGood(happening) ? PRIORITY.warning : PRIORITY[happening.severity],
    },
  };
};
