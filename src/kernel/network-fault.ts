/** What stands between us and a server, as far as the system says it. */
export type NetworkFault =
  | 'dns'
  | 'refused'
  | 'timeout'
  | 'cut'
  | 'tls_expired'
  | 'tls_name'
  | 'tls_untrusted'
  | 'tls';

/** Codes of the operating system, of Node's resolver and of OpenSSL. */
const BY_CODE: Readonly<Record<string, NetworkFault>> = {
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
  EAI_FAIL: 'dns',
  EAI_NODATA: 'dns',
  EAI_NONAME: 'dns',
  ECONNREFUSED: 'refused',
  EHOSTUNREACH: 'refused',
  ENETUNREACH: 'refused',
  EHOSTDOWN: 'refused',
  ENETDOWN: 'refused',
  EADDRNOTAVAIL: 'refused',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'cut',
  ECONNABORTED: 'cut',
  EPIPE: 'cut',
  ERR_STREAM_PREMATURE_CLOSE: 'cut',
  CERT_HAS_EXPIRED: 'tls_expired',
  CERT_NOT_YET_VALID: 'tls_expired',
  ERR_TLS_CERT_ALTNAME_INVALID: 'tls_name',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'tls_untrusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT: 'tls_untrusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'tls_untrusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'tls_untrusted',
  CERT_UNTRUSTED: 'tls_untrusted',
  EPROTO: 'tls',
};

const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|CERT_|UNABLE_TO_)/;

/** A code goes into a sentence, so only what looks like one does. */
const PLAIN_CODE = /^[\w.:-]{1,64}$/;

/** The code of an error, where it has one that can be shown. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  const code = String(error.code);
  return PLAIN_CODE.test(code) ? code : undefined;
}

/** Which fault of the network an error is; undefined where the other side was reached. */
export function networkFault(error: unknown): NetworkFault | undefined {
  const code = codeOf(error);
  if (code === undefined) return undefined;
  return BY_CODE[code] ?? (TLS_CODE.test(code) ? 'tls' : undefined);
}
