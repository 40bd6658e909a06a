/** What core and shim exchange: the one source for validation, OpenAPI and the generated Python. */
export * from './backups.ts';
export * from './capabilities.ts';
export * from './common.ts';
export * from './info.ts';
export * from './languages.ts';
export * from './operations.ts';
export * from './paths.ts';
export * from './problems.ts';
export * from './providers.ts';
export * from './s3-settings.ts';
export * from './targets.ts';
export * from './version.ts';
