import type { TargetKind } from './targets.ts';

/** How a setting is asked for. */
export type FieldType = 'text' | 'secret' | 'multiline' | 'number' | 'switch' | 'choice';

/**
 * A setting as every form shows it: the web UI's and Home Assistant's. Its label and help stand in `translations/`
 * under `fields.<kind>.<name>`, with `choices` beside them; what is valid says the schema of the settings alone.
 */
export interface Field {
  readonly name: string;
  readonly type: FieldType;
  readonly required?: true;
  /** What stands there before a person writes something; where absent, nothing. */
  readonly default?: string | number | boolean;
  /** Seldom needed: behind "more settings". */
  readonly advanced?: true;
  /** Asked for anew when the storage refuses us. */
  readonly credential?: true;
  readonly choices?: readonly string[];
  readonly unit?: 'Mbit/s';
  /** Shown only while another setting has one of these values. */
  readonly when?: { readonly field: string; readonly is: readonly string[] };
}

const advanced = true;

/** The settings of each kind of target, in the order in which a form asks for them. */
export const TARGET_FIELDS: Readonly<Record<TargetKind, readonly Field[]>> = {
  s3: [
    { name: 'endpoint', type: 'text' },
    { name: 'region', type: 'text' },
    { name: 'bucket', type: 'text', required: true },
    { name: 'folder', type: 'text', default: 'homeassistant/backups' },
    { name: 'access_key', type: 'text', required: true, credential: true },
    { name: 'secret_key', type: 'secret', required: true, credential: true },
    { name: 'path_style', type: 'choice', choices: ['auto', 'on', 'off'], default: 'auto', advanced },
    { name: 'storage_class', type: 'text', advanced },
    {
      name: 'encryption',
      type: 'choice',
      choices: ['off', 's3', 'kms', 'customer'],
      default: 'off',
      advanced,
    },
    { name: 'kms_key', type: 'text', advanced, when: { field: 'encryption', is: ['kms'] } },
    { name: 'customer_key', type: 'secret', advanced, when: { field: 'encryption', is: ['customer'] } },
    { name: 'delete_versions', type: 'switch', default: false, advanced },
    { name: 'upload_limit_mbit', type: 'number', default: 0, unit: 'Mbit/s', advanced },
    { name: 'upload_window', type: 'text', advanced },
    { name: 'download_limit_mbit', type: 'number', default: 0, unit: 'Mbit/s', advanced },
    { name: 'parallel_parts', type: 'number', default: 0, advanced },
    { name: 'ca_certificate', type: 'multiline', advanced },
    { name: 'certificate_pin', type: 'text', advanced },
    { name: 'proxy', type: 'text', advanced },
    { name: 'proxy_user', type: 'text', advanced },
    { name: 'proxy_password', type: 'secret', advanced },
  ],
  folder: [{ name: 'path', type: 'text' }],
};
