import type { Template } from '../message.ts';

/** Everything as it is, for whoever writes a receiver; also what Home Assistant's webhook triggers get. */
export const generic: Template = ({ id, happening, count, home }, { url, token }) => ({
  url,
  headers: token === '' ? {} : { authorization: `Bearer ${token}` },
  body: {
    type: `homestash.${happening.code}`,
    id,
    timestamp: happening.at,
    data: { home, count, ...happening },
  },
});
