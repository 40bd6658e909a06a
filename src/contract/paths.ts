/** Every path of the API, with its parameters in braces. The server routes, the OpenAPI document and the shim share them. */
export const PATHS = {
  health: '/api/health',
  ping: '/api/ping',
  openapi: '/api/openapi.json',
  info: '/api/v1/info',
  pairing: '/api/v1/pairing',
  pairing_codes: '/api/v1/pairing/codes',
  tokens: '/api/v1/tokens',
  token: '/api/v1/tokens/{token_id}',
  targets: '/api/v1/targets',
  targets_probe: '/api/v1/targets/probe',
  target: '/api/v1/targets/{target_id}',
  target_probe: '/api/v1/targets/{target_id}/probe',
  backups: '/api/v1/targets/{target_id}/backups',
  backup: '/api/v1/targets/{target_id}/backups/{backup_id}',
  archive: '/api/v1/targets/{target_id}/backups/{backup_id}/archive',
  uploads: '/api/v1/targets/{target_id}/uploads',
  upload: '/api/v1/targets/{target_id}/uploads/{upload_id}',
  upload_archive: '/api/v1/targets/{target_id}/uploads/{upload_id}/archive',
  upload_commit: '/api/v1/targets/{target_id}/uploads/{upload_id}/commit',
  operations: '/api/v1/operations',
  operation: '/api/v1/operations/{operation_id}',
  operation_cancel: '/api/v1/operations/{operation_id}/cancel',
  events: '/api/v1/events',
} as const;

export type PathName = keyof typeof PATHS;
