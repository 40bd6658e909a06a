/**
 * Who makes a request: a program with a token, a person with a password, or a person whom Home Assistant vouches for
 * (through ingress). `id` is that of the token, of the session, or of the user in Home Assistant.
 */
export type Principal =
  | { readonly kind: 'token'; readonly id: string }
  | { readonly kind: 'session'; readonly id: string }
  | { readonly kind: 'ingress'; readonly id: string; readonly name: string | undefined };

/** What tells who makes a request, and from where. */
export interface Credentials {
  readonly method: string;
  readonly header: (name: string) => string | undefined;
  /** The address of the peer. */
  readonly peer: string;
  /** Sends a header with the answer, whatever that will be: a cookie, for instance. */
  readonly answer: (name: string, value: string) => void;
}

/**
 * Says who it is; undefined is a stranger.
 * @throws Problem where somebody is known and may not come in, or where that cannot be found out.
 */
export type Identify = (credentials: Credentials) => Promise<Principal | undefined>;

const BEARER = /^Bearer ([\x21-\x7e]{1,500})$/i;

/** The bearer token of a request (RFC 6750, section 2.1). */
export function bearerToken({ header }: Pick<Credentials, 'header'>): string | undefined {
  return BEARER.exec(header('authorization') ?? '')?.[1];
}

/** Whether two are one and the same. */
export function samePrincipal(one: Pick<Principal, 'kind' | 'id'>, other: Principal | undefined): boolean {
  return one.kind === other?.kind && one.id === other.id;
}
