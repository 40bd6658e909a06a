import * as v from 'valibot';

/**
 * How the border to Home Assistant sees a problem:
 * `not_found` becomes BackupNotFound, `unreachable` BackupAgentUnreachableError,
 * `auth` starts the reauthentication, `error` becomes BackupAgentError.
 */
export type ProblemKind = 'not_found' | 'unreachable' | 'auth' | 'error';

interface ProblemDescription {
  readonly status: number;
  readonly kind: ProblemKind;
}

const describe = (status: number, kind: ProblemKind = 'error'): ProblemDescription => ({ status, kind });

/**
 * Every problem that the core reports: its code, its usual HTTP status and its kind.
 * The sentences stand in `translations/` under `problems.<code>`: what happened (`title`), what to do (`hint`).
 */
export const PROBLEMS = {
  // the request
  unauthorized: describe(401, 'auth'),
  persons_only: describe(403),
  session_ended: describe(401),
  cross_site: describe(403),
  password_wrong: describe(403),
  password_missing: describe(409),
  setup_code_invalid: describe(403),
  no_sign_in: describe(403),
  administrators_only: describe(403),
  pairing_code_invalid: describe(403),
  rate_limited: describe(429),
  not_found: describe(404),
  method_not_allowed: describe(405),
  invalid_request: describe(400),
  body_too_large: describe(413),
  body_cut: describe(400),
  idle_timeout: describe(408),
  range_not_satisfiable: describe(416),
  upgrade_required: describe(426),
  shutting_down: describe(503, 'unreachable'),
  internal: describe(500),
  // targets
  target_not_found: describe(404),
  target_exists: describe(409),
  target_dns: describe(503, 'unreachable'),
  target_refused: describe(503, 'unreachable'),
  target_timeout: describe(503, 'unreachable'),
  target_cut: describe(503, 'unreachable'),
  target_unavailable: describe(503, 'unreachable'),
  target_list_stale: describe(503, 'unreachable'),
  target_tls: describe(502),
  target_tls_expired: describe(502),
  target_tls_name: describe(502),
  target_tls_untrusted: describe(502),
  target_ca_unreadable: describe(502),
  target_wrong_key: describe(502),
  target_wrong_secret: describe(502),
  target_no_bucket: describe(502),
  target_wrong_region: describe(502),
  target_forbidden: describe(502),
  target_clock: describe(502),
  target_not_s3: describe(502),
  target_full: describe(507),
  target_folder_missing: describe(502),
  target_folder_not_writable: describe(502),
  target_corrupt: describe(502),
  target_secret_lost: describe(502),
  target_unexpected: describe(502),
  target_body_limit: describe(502),
  target_garbled: describe(502),
  target_proxy: describe(503, 'unreachable'),
  target_proxy_password: describe(502),
  target_tls_pin: describe(502),
  target_storage_class: describe(502),
  target_encryption: describe(502),
  target_customer_key: describe(502),
  target_locked: describe(409),
  target_held: describe(409),
  target_archived: describe(409),
  // backups
  backup_not_found: describe(404, 'not_found'),
  upload_not_found: describe(404),
  upload_busy: describe(409),
  upload_too_large: describe(413),
  archive_cut: describe(422),
  archive_mismatch: describe(409),
  // the way back into Home Assistant
  home_assistant_off: describe(409),
  home_assistant_managed: describe(409),
  home_assistant_away: describe(503, 'unreachable'),
  home_assistant_dns: describe(503, 'unreachable'),
  home_assistant_no_connection: describe(503, 'unreachable'),
  home_assistant_timeout: describe(503, 'unreachable'),
  home_assistant_cut: describe(503, 'unreachable'),
  home_assistant_unavailable: describe(503, 'unreachable'),
  home_assistant_tls: describe(502),
  home_assistant_tls_expired: describe(502),
  home_assistant_tls_name: describe(502),
  home_assistant_tls_untrusted: describe(502),
  home_assistant_redirect: describe(502),
  home_assistant_not_there: describe(502),
  home_assistant_proxy: describe(502),
  home_assistant_blocked: describe(502),
  home_assistant_refused: describe(502),
  home_assistant_app_refused: describe(502),
  home_assistant_not_admin: describe(502),
  home_assistant_token_lost: describe(502),
  home_assistant_starting: describe(409),
  home_assistant_busy: describe(409),
  home_assistant_no_locations: describe(409),
  home_assistant_location_unknown: describe(404),
  home_assistant_no_key: describe(409),
  home_assistant_failed: describe(502),
  home_assistant_unexpected: describe(502),
  // the Supervisor
  supervisor_away: describe(503, 'unreachable'),
  supervisor_refused: describe(502),
  // the MQTT broker
  mqtt_dns: describe(503, 'unreachable'),
  mqtt_refused: describe(503, 'unreachable'),
  mqtt_timeout: describe(503, 'unreachable'),
  mqtt_cut: describe(503, 'unreachable'),
  mqtt_unavailable: describe(503, 'unreachable'),
  mqtt_not_mqtt: describe(502),
  mqtt_password: describe(502),
  mqtt_password_lost: describe(502),
  mqtt_tls: describe(502),
  mqtt_tls_expired: describe(502),
  mqtt_tls_name: describe(502),
  mqtt_tls_untrusted: describe(502),
  // webhooks
  webhook_not_found: describe(404),
  too_many_webhooks: describe(409),
  webhook_token: describe(422),
  webhook_lost: describe(502),
  webhook_gone: describe(404),
  webhook_dns: describe(503, 'unreachable'),
  webhook_refused: describe(503, 'unreachable'),
  webhook_timeout: describe(503, 'unreachable'),
  webhook_cut: describe(503, 'unreachable'),
  webhook_tls: describe(502),
  webhook_redirect: describe(502),
  webhook_denied: describe(502),
  webhook_missing: describe(502),
  webhook_rejected: describe(502),
  webhook_status: describe(502),
  // operations
  operation_not_found: describe(404),
  operation_not_cancellable: describe(409),
  operation_cancelled: describe(409),
  operation_interrupted: describe(503, 'unreachable'),
  // moving to another box
  transfer_busy: describe(409),
  import_not_export: describe(422),
  import_wrong_passphrase: describe(422),
  import_newer: describe(422),
  import_invalid: describe(422),
  // settings from a file
  provisioning_wrong: describe(422),
  // the recovery key
  recovery_key_lost: describe(409),
  // data on disk
  database_newer: describe(500),
  disk_full: describe(507),
  database_copy_no_room: describe(507),
  database_damaged: describe(500),
} as const satisfies Record<string, ProblemDescription>;

/** The stable name of a problem; texts are never parsed. */
export type ProblemCode = keyof typeof PROBLEMS;

/** A problem document (RFC 9457) with three members of ours: `code`, `hint` and `params`. */
export const ProblemDocument = v.object({
  type: v.string(),
  title: v.string(),
  status: v.pipe(v.number(), v.integer()),
  detail: v.optional(v.string()),
  code: v.string(),
  hint: v.string(),
  params: v.record(v.string(), v.string()),
});
export type ProblemDocument = v.InferOutput<typeof ProblemDocument>;
