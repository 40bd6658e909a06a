import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ApiFault } from './answers.ts';
import { onlyCore, readObject } from './call.ts';
import { CoreAway } from './core-link.ts';
import type { RouteTable } from './routes.ts';
import type { World } from './world.ts';

/** A discovery message: it stays until the app takes it back, and is uninstalled at the latest. */
export interface Message {
  readonly uuid: string;
  readonly service: string;
  readonly config: Record<string, unknown>;
}

interface Posted {
  readonly service: string;
  readonly config: Record<string, unknown>;
}

/** What the app has announced, and what of it Core was told at once. */
export class Discovery {
  readonly messages = new Map<string, Message>();
  /** Every message that was new or changed, in order: each was pushed to Core if that ran. */
  readonly pushed: Message[] = [];
  /** How often the app has posted, the same included. */
  posts = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  routes(): RouteTable {
    const { app } = this.#world;
    const found = (uuid = ''): Message => {
      const message = this.messages.get(uuid);
      if (!message) throw new ApiFault(404, 'Discovery message not found');
      return message;
    };
    return {
      'GET /discovery': (call) => {
        onlyCore(call);
        const messages = app.state === 'started' ? [...this.messages.values()] : [];
        const announced = Object.fromEntries(app.config.discovery.map((service) => [service, [app.slug]]));
        return { discovery: messages.map((message) => this.#shown(message)), services: announced };
      },
      'GET /discovery/{uuid}': (call) => {
        onlyCore(call);
        return this.#shown(found(call.params.uuid));
      },
      'POST /discovery': async (call) => ({ uuid: this.#post(validated(await readObject(call))) }),
      'DELETE /discovery/{uuid}': (call) => {
        const message = found(call.params.uuid);
        if (call.from !== 'app') throw new ApiFault(403, "Can't remove discovery message");
        this.messages.delete(message.uuid);
        void this.#push('DELETE', message);
      },
    };
  }

  #shown({ uuid, service, config }: Message): object {
    return { addon: this.#world.app.slug, service, uuid, config };
  }

  #post({ service, config }: Posted): string {
    if (!this.#world.app.config.discovery.includes(service)) {
      throw new ApiFault(403, 'Apps must list services they provide via discovery in their config!');
    }
    this.posts += 1;
    const known = [...this.messages.values()].find((message) => message.service === service);
    if (known && isDeepStrictEqual(known.config, config)) return known.uuid;
    const message = { uuid: known?.uuid ?? randomUUID().replaceAll('-', ''), service, config };
    this.messages.set(message.uuid, message);
    this.pushed.push(message);
    void this.#push('POST', message);
    return message.uuid;
  }

  async #push(method: 'POST' | 'DELETE', { uuid, service }: Message): Promise<void> {
    const { core, app, report } = this.#world;
    try {
      if (!(await core?.runs())) return;
      await core?.push(method, `/api/hassio_push/discovery/${uuid}`, { addon: app.slug, service, uuid });
    } catch (error) {
      if (!(error instanceof CoreAway)) report(error);
    }
  }
}

function validated({ service, config, ...others }: Record<string, unknown>): Posted {
  const extra = Object.keys(others)[0];
  if (extra !== undefined) throw new ApiFault(400, `extra keys not allowed @ data['${extra}']`);
  if (typeof service !== 'string')
    throw new ApiFault(400, "expected str for dictionary value @ data['service']");
  if (typeof config !== 'object' || config === null || Array.isArray(config)) {
    throw new ApiFault(400, "expected dict for dictionary value @ data['config']");
  }
  return { service, config: config as Record<string, unknown> };
}
