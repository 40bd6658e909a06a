import { isDeepStrictEqual } from 'node:util';
import * as v from 'valibot';
import { Id, MAX_WEBHOOKS, WebhookInput } from '../../contract/index.ts';
import type { Log } from '../../kernel/log.ts';
import { type Portable, portable } from '../../kernel/portable.ts';
import type { Secrets } from '../../kernel/secrets.ts';
import { Settings } from '../../kernel/settings.ts';
import { WebhookStore } from './store.ts';

const Carried = v.object({
  ...WebhookInput.entries,
  /** A file that a person writes does not know it: one of the same name is the same one. */
  id: v.optional(Id),
});

/** Who is told. One that is known by its id, or its name, is changed; the others stay. */
export function portableWebhooks(options: { readonly secrets: Secrets; readonly log: Log }): Portable {
  return portable({
    name: 'webhooks',
    schema: v.pipe(v.array(Carried), v.maxLength(MAX_WEBHOOKS)),
    read: async (tables) => {
      const store = new WebhookStore({ ...options, settings: new Settings(tables()) });
      await store.load();
      if (store.all.length === 0) return undefined;
      return store.all.map(({ id }) => {
        // the other box makes its own secret for signatures
        const { secret: _, ...rest } = store.require(id);
        return rest;
      });
    },
    write: async (webhooks, tables) => {
      const store = new WebhookStore({ ...options, settings: new Settings(tables()) });
      await store.load();
      let changed = false;
      for (const { id, ...input } of webhooks) {
        const known = store.all.find((one) => one.id === id || (id === undefined && one.name === input.name));
        if (!known) {
          await store.add(input, id);
          changed = true;
          continue;
        }
        const { id: _id, secret: _secret, ...before } = store.require(known.id);
        const after = { ...input, token: input.token ?? before.token };
        if (isDeepStrictEqual(before, after)) continue;
        const { kind, ...patch } = after;
        if (kind === before.kind) await store.change(known.id, patch);
        else {
          await store.remove(known.id);
          await store.add(after, known.id);
        }
        changed = true;
      }
      return changed;
    },
  });
}
