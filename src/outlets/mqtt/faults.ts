import type { ProblemCode } from '../../contract/index.ts';
import { isProblem, Problem } from '../../kernel/errors.ts';
import { codeOf, type NetworkFault, networkFault } from '../../kernel/network-fault.ts';

const BY_FAULT: Readonly<Record<NetworkFault, ProblemCode>> = {
  dns: 'mqtt_dns',
  refused: 'mqtt_refused',
  timeout: 'mqtt_timeout',
  cut: 'mqtt_cut',
  tls_expired: 'mqtt_tls_expired',
  tls_name: 'mqtt_tls_name',
  tls_untrusted: 'mqtt_tls_untrusted',
  tls: 'mqtt_tls',
};

/** What a broker answers to a CONNECT: MQTT 3.1.1, table 3.1, and MQTT 5, section 3.2.2.2. */
const PASSWORD: ReadonlySet<number> = new Set([4, 5, 0x86, 0x87, 0x8c]);
const VERSION: ReadonlySet<number> = new Set([1, 0x84]);

/** A broker that does not know this version of MQTT: another may do. */
export class OtherVersion extends Error {
  override readonly name = 'OtherVersion';
}

/** The answer of the broker, where it gave one: below 256, as the codes of the system are words. */
function reasonCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'number' ? error.code : undefined;
}

/** Why a broker cannot be used. @returns OtherVersion where it may be usable with an older MQTT. */
export function connectFault(error: unknown, host: string): Problem | OtherVersion {
  if (isProblem(error)) return error;
  const code = reasonCode(error);
  if (code !== undefined) {
    if (VERSION.has(code)) return new OtherVersion();
    if (PASSWORD.has(code)) return new Problem('mqtt_password', { cause: error });
    const reason = `MQTT ${code}`;
    return new Problem('mqtt_unavailable', { params: { host, reason }, cause: error });
  }
  const fault = networkFault(error);
  if (fault === undefined) return new Problem('mqtt_not_mqtt', { params: { host }, cause: error });
  const params = fault === 'tls' ? { host, reason: codeOf(error) ?? '?' } : { host };
  return new Problem(BY_FAULT[fault], { params, cause: error });
}
