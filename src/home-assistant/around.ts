import * as v from 'valibot';
import type { Clock } from '../kernel/clock.ts';
import { describeError, type Log } from '../kernel/log.ts';
import type { Session } from './session.ts';

/** A device in the network of which Home Assistant knows. */
export interface AroundHome {
  /** The integration that it belongs to: `wled`; undefined where none is known. */
  readonly integration: string | undefined;
  /** The service that it announces: `_wled._tcp`; undefined where none is known. */
  readonly service: string | undefined;
  readonly address: string;
  readonly name: string | undefined;
}

interface AroundOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** @throws Problem why there is no connection */
  readonly session: () => Promise<Session>;
}

/** What it knows already comes at once; names are looked up within so long (milliseconds). */
const FIRST_ANSWER_MS = 1_500;

/** More devices are no home (of each source). */
const MOST_HEARD = 500;

/** `config/device_registry/list`: of what it says, what we use. */
const Registered = v.array(
  v.object({
    name_by_user: v.nullish(v.string()),
    name: v.nullish(v.string()),
    configuration_url: v.nullish(v.string()),
    config_entries: v.optional(v.array(v.string()), []),
  }),
);

/** `config_entries/get`. */
const Entries = v.array(v.object({ entry_id: v.string(), domain: v.string() }));

/** An event of `zeroconf/subscribe_discovery`. */
const Service = v.object({
  name: v.string(),
  type: v.string(),
  port: v.number(),
  ip_addresses: v.array(v.string()),
});

/** An event of `dhcp/subscribe_discovery`. */
const Lease = v.object({ hostname: v.string(), ip_address: v.string() });

/** An event of `ssdp/subscribe_discovery`. */
const Announcement = v.object({ name: v.nullish(v.string()), ssdp_location: v.nullish(v.string()) });

const USUAL_PORT = 80;

function fromService(added: unknown): AroundHome | undefined {
  const { success, output } = v.safeParse(Service, added);
  if (!success) return undefined;
  const ip = output.ip_addresses.find((one) => /^[\d.]+$/.test(one));
  if (ip === undefined) return undefined;
  return {
    integration: undefined,
    service: output.type.replace(/\.local\.?$/, ''),
    address: output.port === USUAL_PORT ? ip : `${ip}:${output.port}`,
    name: output.name.split('._')[0],
  };
}

function fromLease(added: unknown): AroundHome | undefined {
  const { success, output } = v.safeParse(Lease, added);
  if (!success) return undefined;
  return { integration: undefined, service: undefined, address: output.ip_address, name: output.hostname };
}

function fromAnnouncement(added: unknown): AroundHome | undefined {
  const { success, output } = v.safeParse(Announcement, added);
  const host = success ? URL.parse(output.ssdp_location ?? '')?.hostname : undefined;
  if (!success || !host) return undefined;
  return { integration: undefined, service: undefined, address: host, name: output.name ?? undefined };
}

/** Where Home Assistant hears of devices; a part that is not set up there refuses to tell. */
const SOURCES: readonly (readonly [string, (added: unknown) => AroundHome | undefined])[] = [
  ['zeroconf/subscribe_discovery', fromService],
  ['dhcp/subscribe_discovery', fromLease],
  ['ssdp/subscribe_discovery', fromAnnouncement],
];

/** What Home Assistant knows of the devices around it: those that are set up there, and what it hears in the network. */
export class Around {
  readonly #options: AroundOptions;
  /** What each connection has told; it goes on telling as long as it lasts. */
  readonly #heard = new WeakMap<Session, Map<string, AroundHome>>();

  constructor(options: AroundOptions) {
    this.#options = options;
  }

  /** @throws Problem why there is no connection; the signal's reason */
  async devices(signal: AbortSignal): Promise<AroundHome[]> {
    const session = await this.#options.session();
    const [registered, heard] = await Promise.all([this.#registered(session), this.#listen(session, signal)]);
    return [...registered, ...heard.values()];
  }

  /** Devices of integrations that name the page of each. */
  async #registered(session: Session): Promise<AroundHome[]> {
    const [devices, entries] = await Promise.all([
      session.call('config/device_registry/list'),
      session.call('config_entries/get'),
    ]);
    const known = v.safeParse(Registered, devices);
    const parsed = v.safeParse(Entries, entries);
    if (!known.success || !parsed.success) return [];
    const domains = new Map(parsed.output.map(({ entry_id, domain }) => [entry_id, domain]));
    return known.output.flatMap(({ name, name_by_user, configuration_url, config_entries }) => {
      const url = URL.parse(configuration_url ?? '');
      if (!url || !/^https?:$/.test(url.protocol) || url.hostname === '') return [];
      const integration = config_entries.map((id) => domains.get(id)).find((domain) => domain !== undefined);
      const address = url.protocol === 'https:' ? `https://${url.host}` : url.host;
      return [{ integration, service: undefined, address, name: name_by_user ?? name ?? undefined }];
    });
  }

  async #listen(session: Session, signal: AbortSignal): Promise<ReadonlyMap<string, AroundHome>> {
    const known = this.#heard.get(session);
    if (known) return known;
    const heard = new Map<string, AroundHome>();
    this.#heard.set(session, heard);
    for (const [type, read] of SOURCES) {
      const take = (event: unknown) => {
        const { add } = (event ?? {}) as { add?: unknown };
        if (!Array.isArray(add)) return;
        for (const added of add) {
          const device = read(added);
          if (device && heard.size < MOST_HEARD) heard.set(`${device.service} ${device.address}`, device);
        }
      };
      await session.subscribe(type, {}, take).catch((error) => {
        const reason = describeError(error);
        this.#options.log.debug('Home Assistant does not tell what it hears', { type, reason });
      });
    }
    await this.#options.clock.sleep(FIRST_ANSWER_MS, signal);
    return heard;
  }
}
