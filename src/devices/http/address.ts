/** Where a device is reached over HTTP. */
export interface Address {
  readonly secure: boolean;
  /** Without brackets, even of IPv6. */
  readonly host: string;
  /** Undefined where the address does not say. */
  readonly port: number | undefined;
  /** What stands before each path; empty or beginning with a slash. */
  readonly prefix: string;
  /** Whether the address itself says http or https. */
  readonly explicit: boolean;
}

/** Reads what a person typed: `192.168.1.5`, `wled.local:8080`, `https://box/nodered`. Undefined where it is no address. */
export function parseAddress(typed: string): Address | undefined {
  const text = typed.trim();
  if (text === '' || /[\s\\@?#]/.test(text)) return undefined;
  const explicit = /^https?:\/\//i.test(text);
  // `mqtt://box`, and a slip such as `http:/box`, which would be taken for a box with that name
  if (!explicit && /:\/\/|^https?:/i.test(text)) return undefined;
  // an IPv6 address needs no brackets from a person
  const bare = /^[0-9a-f]*:[0-9a-f:.]*:[0-9a-f.]*$/i.test(text) ? `[${text}]` : text;
  const url = URL.parse(explicit ? text : `http://${bare}`);
  if (!url || url.hostname === '' || url.username !== '') return undefined;
  return {
    secure: url.protocol === 'https:',
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: explicitPort(text),
    prefix: url.pathname.replace(/\/+$/, ''),
    explicit,
  };
}

/** A port that is written out; `URL` forgets 80 and 443. */
function explicitPort(text: string): number | undefined {
  const authority = text.replace(/^https?:\/\//i, '').split('/')[0] ?? '';
  const found = /^(?:\[[^\]]*\]|[^:]*):(\d{1,5})$/.exec(authority)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** The usual port of a service, for an address without a scheme: whoever writes `https://…` says where it is. */
export function portUnlessSaid(typed: string, port: number): { readonly port?: number } {
  return parseAddress(typed)?.explicit ? {} : { port };
}

/** Host and port, as they stand in sentences. */
export function shownHost({ host, port }: Pick<Address, 'host' | 'port'>): string {
  const shown = host.includes(':') ? `[${host}]` : host;
  return port === undefined ? shown : `${shown}:${port}`;
}

/** Scheme, host and port, as browsers write where a page comes from. */
export function originOf({ secure, host }: Pick<Address, 'secure' | 'host'>, port: number): string {
  const usual = port === (secure ? 443 : 80);
  return `${secure ? 'https' : 'http'}://${shownHost({ host, port: usual ? undefined : port })}`;
}

/** SNI has names only (RFC 6066, section 3). */
export function serverName(host: string): string {
  return host.includes(':') || /^[\d.]+$/.test(host) ? '' : host;
}
