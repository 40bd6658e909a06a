import { type ProblemCode, WEBHOOK_KINDS } from '../../contract/index.ts';
import { type Clock, within } from '../../kernel/clock.ts';
import { Problem } from '../../kernel/errors.ts';
import { type NetworkFault, networkFault } from '../../kernel/network-fault.ts';
import type { Told } from './message.ts';
import { signatureHeaders } from './sign.ts';
import type { KeptWebhook } from './store.ts';
import { TEMPLATES } from './templates/registry.ts';

/** A receiver that takes longer has hung up in truth (milliseconds). */
const PATIENCE_MS = 15_000;

const BY_FAULT: Readonly<Record<NetworkFault, ProblemCode>> = {
  dns: 'webhook_dns',
  refused: 'webhook_refused',
  timeout: 'webhook_timeout',
  cut: 'webhook_cut',
  tls_expired: 'webhook_tls',
  tls_name: 'webhook_tls',
  tls_untrusted: 'webhook_tls',
  tls: 'webhook_tls',
};

/** What a receiver says by its status (RFC 9110, section 15). */
function refusal(response: Response, host: string): Problem | undefined {
  const { status } = response;
  if (response.ok) return undefined;
  const params = { host, status: String(status) };
  if (status >= 300 && status < 400) return new Problem('webhook_redirect', { params });
  if (status === 401 || status === 403) return new Problem('webhook_denied', { params });
  if (status === 404 || status === 410) return new Problem('webhook_missing', { params });
  if (status === 400 || status === 413 || status === 415 || status === 422) {
    return new Problem('webhook_rejected', { params });
  }
  const asked = Number(response.headers.get('retry-after') ?? 'none');
  const pause = Number.isFinite(asked) && asked > 0 ? { retry_after: String(Math.ceil(asked)) } : {};
  return new Problem('webhook_status', { params: { ...params, ...pause } });
}

interface SendOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Tells one receiver. @throws Problem why it did not take it */
export async function send(told: Told, webhook: KeptWebhook, { clock, signal }: SendOptions): Promise<void> {
  const { url, headers = {}, body: document } = TEMPLATES[webhook.kind](told, webhook);
  const { host } = new URL(url);
  const body = JSON.stringify(document);
  const seconds = Math.floor(clock.now() / 1000);
  const signed = WEBHOOK_KINDS[webhook.kind].signed
    ? signatureHeaders({ id: told.id, body, seconds }, webhook.secret)
    : {};
  const late = new AbortController();
  const request = fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Homestash', ...headers, ...signed },
    body,
    // an address that sends elsewhere is told to the person: nobody but they decide where this goes
    redirect: 'manual',
    signal: AbortSignal.any([signal, late.signal]),
  });
  request.catch(() => undefined);
  let response: Response | undefined;
  try {
    response = await withinOrThrow(clock, request);
  } catch (error) {
    signal.throwIfAborted();
    const fault = networkFault((error as { cause?: unknown }).cause ?? error);
    throw new Problem(BY_FAULT[fault ?? 'cut'], { params: { host }, cause: error });
  }
  if (!response) {
    late.abort();
    throw new Problem('webhook_timeout', { params: { host } });
  }
  // what it says is of no interest
  await response.body?.cancel().catch(() => undefined);
  const problem = refusal(response, host);
  if (problem) throw problem;
}

/** What `work` comes to, or undefined when that takes too long. */
async function withinOrThrow<Result>(clock: Clock, work: Promise<Result>): Promise<Result | undefined> {
  const settled = await within(
    clock,
    PATIENCE_MS,
    work.then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    ),
  );
  if (!settled) return undefined;
  if ('error' in settled) throw settled.error;
  return settled.value;
}
