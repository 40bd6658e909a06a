import type { FoundDevices, Language } from '../contract/index.ts';
import { eachAtOnce } from '../kernel/at-once.ts';
import { within } from '../kernel/clock.ts';
import { Problem } from '../kernel/errors.ts';
import { describeError } from '../kernel/log.ts';
import type { DeviceHandler, Identity } from './handler.ts';
import { parseAddress, portUnlessSaid } from './http/address.ts';
import { kindName } from './kinds.ts';
import type { Announced } from './mdns.ts';
import { DEVICE_HANDLERS } from './registry.ts';
import { FirstUse, type SessionOptions, sessionWith } from './session.ts';
import { fullIdentity, keptIdentity } from './settings.ts';
import type { DeviceRow, DeviceStore } from './store.ts';

/** A device that Home Assistant knows of. */
export interface KnownAtHome {
  /** The integration that knows it: `wled`; undefined where none does. */
  readonly integration: string | undefined;
  /** The service that it announces: `_wled._tcp`; undefined where none is known. */
  readonly service: string | undefined;
  readonly address: string;
  readonly name: string | undefined;
}

interface DiscoveryOptions extends SessionOptions {
  readonly store: DeviceStore;
  /** What Home Assistant knows; empty where it is not connected. @throws Problem where it does not say */
  readonly home: (signal: AbortSignal) => Promise<readonly KnownAtHome[]>;
  /** What announces itself in the network. */
  readonly announced: (services: readonly string[], signal: AbortSignal) => Promise<readonly Announced[]>;
}

/** Somewhere to look, and what to look for. */
interface Candidate {
  readonly address: string;
  readonly source: FoundDevices['devices'][number]['source'];
  readonly handlers: readonly DeviceHandler[];
  readonly name: string | undefined;
}

/** An address answers within so long, or nothing is there (milliseconds). */
const PATIENCE_MS = 4_000;

/** So many addresses are looked at at once. */
const AT_ONCE = 16;

/** More addresses are a mistake, or a network that is not a home. */
const MOST_ADDRESSES = 512;

/** Looks for devices, without any credentials. */
export class Discovery {
  readonly #options: DiscoveryOptions;

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  /** Looks at addresses, or, where none are given, at what the network and Home Assistant know. */
  async run(typed: string, language: Language, signal: AbortSignal): Promise<FoundDevices> {
    const addresses = addressesIn(typed);
    const candidates = addresses.length > 0 ? addresses.map(anything) : await this.#around(signal);
    const named = new Set(addresses.filter(({ inRange }) => !inRange).map(({ address }) => address));
    const rows = await this.#options.store.devices();
    const devices: FoundDevices['devices'] = [];
    const unknown: string[] = [];
    await eachAtOnce(candidates, AT_ONCE, async (candidate) => {
      signal.throwIfAborted();
      const { address, source } = candidate;
      const found = await this.#look(candidate, signal);
      if (!found) {
        if (named.has(address)) unknown.push(address);
        return;
      }
      const { handler, identity } = found;
      const full = fullIdentity(identity);
      const kind = kindName(handler.kind, language);
      devices.push({
        kind: handler.kind,
        kind_name: kind,
        name: full.name ?? candidate.name ?? `${kind} ${address}`,
        address,
        identity: full,
        source,
        known_as: knownAs(rows, handler, address, identity) ?? null,
      });
    });
    return { devices: once(devices), unknown };
  }

  /** What is said to be there by the network and by Home Assistant. */
  async #around(signal: AbortSignal): Promise<Candidate[]> {
    const { home, announced, log } = this.#options;
    const handlers = DEVICE_HANDLERS.filter(({ discovery }) => discovery);
    const services = handlers.flatMap(({ discovery }) => discovery?.mdns ?? []);
    const silent = (error: unknown): [] => {
      log.debug('somebody who knows of devices said nothing', { reason: describeError(error) });
      return [];
    };
    const [known, heard] = await Promise.all([
      home(signal).catch(silent),
      announced(services, signal).catch(silent),
    ]);
    signal.throwIfAborted();
    return [
      ...known.map(
        ({ integration, service, address, name }): Candidate => ({
          ...{ address, name, source: 'home_assistant' },
          handlers: handlers.filter(
            ({ discovery }) =>
              // of what only has an address anything may be true
              (integration === undefined && service === undefined) ||
              (integration !== undefined && discovery?.integrations?.includes(integration)) ||
              (service !== undefined && discovery?.mdns?.includes(service)),
          ),
        }),
      ),
      ...heard.map(
        ({ service, address, name }): Candidate => ({
          ...{ address, name, source: 'network' },
          handlers: handlers.filter(({ discovery }) => discovery?.mdns?.includes(service)),
        }),
      ),
    ].filter((candidate) => candidate.handlers.length > 0 && parseAddress(candidate.address));
  }

  /** The first kind that recognises what is at an address. */
  async #look(
    { address, handlers }: Candidate,
    signal: AbortSignal,
  ): Promise<{ handler: DeviceHandler; identity: Identity } | undefined> {
    const answers = await Promise.all(
      handlers.map(async (handler) => {
        const identity = await this.#recognise(handler, address, signal);
        return identity && { handler, identity };
      }),
    );
    return answers.find((answer) => answer !== undefined);
  }

  async #recognise(
    handler: DeviceHandler,
    address: string,
    signal: AbortSignal,
  ): Promise<Identity | undefined> {
    const { discovery } = handler;
    if (!discovery) return undefined;
    const ended = new AbortController();
    const either = AbortSignal.any([signal, ended.signal]);
    const session = sessionWith(this.#options, {
      settings: {},
      trust: new FirstUse(undefined),
      signal: either,
      workDir: () => Promise.reject(new Problem('internal')),
    });
    try {
      const http = session.http({
        address,
        ...portUnlessSaid(address, discovery.port),
        idleMs: PATIENCE_MS,
      });
      return await within(this.#options.clock, PATIENCE_MS, discovery.recognise(http));
    } finally {
      ended.abort(new Problem('operation_cancelled'));
    }
  }
}

const anything = ({ address }: WantedAddress): Candidate => ({
  address,
  source: 'address',
  handlers: DEVICE_HANDLERS.filter(({ discovery }) => discovery),
  name: undefined,
});

/** Where somebody wants to look. */
interface WantedAddress {
  readonly address: string;
  /** It was not named itself, but the network in which it lies. */
  readonly inRange: boolean;
}

/** A network as people write it: `192.168.1.0/24` (RFC 4632). */
const RANGE = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{2})$/;

/** Larger networks are no home, and take minutes (bits of the prefix). */
const LARGEST_RANGE = 23;

/** The hosts in a network; undefined where the text is none. @throws Problem `invalid_request` where it is too large */
function hostsIn(part: string): string[] | undefined {
  const bytes = RANGE.exec(part)?.slice(1).map(Number);
  if (!bytes || bytes.slice(0, 4).some((byte) => byte > 255)) return undefined;
  const bits = bytes[4] ?? 0;
  if (bits < LARGEST_RANGE || bits > 32) {
    const detail = `addresses: networks from /${LARGEST_RANGE} to /32`;
    throw new Problem('invalid_request', { params: { detail } });
  }
  const size = 2 ** (32 - bits);
  const value = bytes.slice(0, 4).reduce((sum, byte) => sum * 256 + byte, 0);
  const first = value - (value % size);
  // the first and the last one stand for the network itself and for all in it
  const [from, to] = size > 2 ? [first + 1, first + size - 2] : [first, first + size - 1];
  return Array.from({ length: to - from + 1 }, (_, index) =>
    [24, 16, 8, 0].map((shift) => Math.floor((from + index) / 2 ** shift) % 256).join('.'),
  );
}

/** The addresses in a text: one a line, or with commas, semicolons or blanks between; networks, too. @throws Problem `invalid_request` */
export function addressesIn(typed: string): WantedAddress[] {
  const parts = [...new Set(typed.split(/[\s,;]+/).filter((part) => part !== ''))];
  const found = parts.flatMap((part, index): WantedAddress[] => {
    const hosts = hostsIn(part);
    if (hosts) return hosts.map((address) => ({ address, inRange: true }));
    if (parseAddress(part)) return [{ address: part, inRange: false }];
    throw new Problem('invalid_request', { params: { detail: `addresses: ${index + 1}. is none` } });
  });
  if (found.length > MOST_ADDRESSES) {
    throw new Problem('invalid_request', { params: { detail: `${MOST_ADDRESSES} addresses at most` } });
  }
  return found;
}

function knownAs(
  rows: readonly DeviceRow[],
  handler: DeviceHandler,
  address: string,
  identity: Identity,
): string | undefined {
  return rows.find(
    (row) =>
      row.kind === handler.kind &&
      (row.place === address || (identity.id !== undefined && keptIdentity(row.identity).id === identity.id)),
  )?.id;
}

/** Each device once, though several knew of it. */
function once(devices: readonly FoundDevices['devices'][number][]): FoundDevices['devices'] {
  const seen = new Set<string>();
  return devices.filter(({ kind, address, identity }) => {
    const key = `${kind} ${identity.id ?? address}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
