import { html, nothing, type TemplateResult } from 'lit';
import type { Provider } from '../../contract/index.ts';
import { button } from '../kit/button.ts';
import { copy } from '../kit/copy.ts';
import type { App } from '../shell/app.ts';
import { maybe, t } from '../words/index.ts';

/** Providers whose rights are policies as AWS writes them. */
const WITH_POLICIES = ['aws', 'wasabi', 'minio', 'ceph'];

/** What is asked of the bucket itself: what lies in it, and what it does by itself. */
const BUCKET_ACTIONS = [
  's3:ListBucket',
  's3:ListBucketVersions',
  's3:ListBucketMultipartUploads',
  's3:GetBucketVersioning',
  's3:GetBucketObjectLockConfiguration',
  's3:GetLifecycleConfiguration',
];

/** What is done with backups. */
const OBJECT_ACTIONS = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteObject',
  's3:DeleteObjectVersion',
  's3:AbortMultipartUpload',
  's3:ListMultipartUploadParts',
];

/** The least that a key must be allowed, as a policy. */
export function policyFor(bucket: string): string {
  const resource = `arn:aws:s3:::${bucket}`;
  return JSON.stringify(
    {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: BUCKET_ACTIONS, Resource: resource },
        { Effect: 'Allow', Action: OBJECT_ACTIONS, Resource: `${resource}/*` },
      ],
    },
    null,
    2,
  );
}

/** Where the key is made, and what it must be allowed. */
export function rights(app: App, { id, name, keys_url, docs_url }: Provider, bucket: string): TemplateResult {
  const policy = policyFor(bucket || 'BUCKET');
  return html`
    <div class="rights">
      <p>${maybe(`rights.${id.replaceAll('-', '_')}`) ?? t('rights.any')}</p>
      <p>
        ${keys_url ? outside(keys_url, t('rights.make_key', { name })) : nothing}
        ${docs_url ? outside(docs_url, t('rights.docs', { name })) : nothing}
      </p>
      ${
        WITH_POLICIES.includes(id)
          ? html`<details class="more">
              <summary>${t('rights.policy')}</summary>
              <div class="section">
                <p>${t('rights.policy_text')}</p>
                <pre tabindex="0" translate="no">${policy}</pre>
                <div class="actions start">${button({ label: t('rights.copy'), act: () => copy(app, policy) })}</div>
              </div>
            </details>`
          : nothing
      }
    </div>
  `;
}

const outside = (href: string, label: string): TemplateResult =>
  html`<a class="outside" href=${href} target="_blank" rel="noopener noreferrer"
    >${label}<span class="hidden"> ${t('rights.new_tab')}</span><span aria-hidden="true"> ↗</span></a
  > `;
