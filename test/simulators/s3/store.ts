import { randomBytes } from 'node:crypto';
import type { Content } from './content.ts';
import { S3Error } from './errors.ts';

/** The version of objects that were written while a bucket kept none. */
export const NULL_VERSION = 'null';

export interface Retention {
  readonly mode: 'GOVERNANCE' | 'COMPLIANCE';
  /** Milliseconds since 1970. */
  readonly until: number;
}

export interface Encryption {
  /** What is echoed with each answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** Base64 MD5 of a customer's key, which reading needs. */
  readonly customerKey?: string;
}

/** One version of an object, or the marker that it was deleted. */
export interface Version {
  readonly key: string;
  readonly versionId: string;
  /** Milliseconds since 1970. */
  readonly lastModified: number;
  readonly deleteMarker: boolean;
  readonly content: Content;
  /** Without quotes. */
  readonly etag: string;
  /** Content-Type and what else comes back as it was sent. */
  readonly headers: Readonly<Record<string, string>>;
  /** `x-amz-checksum-…` as it comes back on request. */
  readonly checksums: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly encryption: Encryption;
  /** Sizes of the parts that it was made of. */
  readonly parts: readonly number[];
  retention: Retention | undefined;
  legalHold: boolean;
  /** When a restored copy is readable, and until when (milliseconds since 1970). */
  restored: { readonly from: number; readonly until: number } | undefined;
}

/** What is decided when an object is begun, in one PUT or in parts. */
export interface Intent {
  readonly headers: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly encryption: Encryption;
  readonly retention: Retention | undefined;
  readonly legalHold: boolean;
}

export interface Part {
  readonly number: number;
  readonly content: Content;
  readonly etag: string;
  readonly checksums: Readonly<Record<string, string>>;
  readonly lastModified: number;
}

/** An upload in parts that was neither completed nor aborted. */
export interface Upload {
  readonly key: string;
  readonly uploadId: string;
  readonly initiated: number;
  readonly intent: Intent;
  /** As `x-amz-checksum-algorithm` said, lower-case. */
  readonly algorithm: string | undefined;
  readonly checksumType: 'COMPOSITE' | 'FULL_OBJECT';
  readonly parts: Map<number, Part>;
}

export class Bucket {
  readonly name: string;
  readonly created: number;
  versioning: 'Off' | 'Enabled' | 'Suspended' = 'Off';
  /** Object lock; with `retention` new versions are locked for so long by default. */
  lock: { readonly retention?: { mode: Retention['mode']; days: number } } | undefined;
  /** The document as it was put. */
  lifecycle: Buffer | undefined;
  readonly uploads = new Map<string, Upload>();
  /** Newest first. */
  readonly #objects = new Map<string, Version[]>();
  /** When versions and uploads came; also of those that are gone, for lists go on behind them. */
  readonly #order = new Map<string, number>();
  #came = 0;

  constructor(name: string, created: number) {
    this.name = name;
    this.created = created;
  }

  /** The current version, unless it is a delete marker. */
  visible(key: string): Version | undefined {
    const [newest] = this.#objects.get(key) ?? [];
    return newest?.deleteMarker ? undefined : newest;
  }

  versionsOf(key: string): readonly Version[] {
    return this.#objects.get(key) ?? [];
  }

  /** Keys in the order of their UTF-8 bytes, as lists have them. */
  keys(): string[] {
    return [...this.#objects.keys()].sort(byBytes);
  }

  /** All versions: keys in order, of each the newest first. */
  allVersions(): Version[] {
    return this.keys().flatMap((key) => this.#objects.get(key) ?? []);
  }

  newVersionId(): string {
    return this.versioning === 'Enabled' ? randomBytes(16).toString('base64url') : NULL_VERSION;
  }

  /** The how-manieth a version or an upload of a key was. */
  orderOf(key: string, id: string): number {
    return this.#order.get(`${id}/${key}`) ?? 0;
  }

  /** Notes that a version or an upload came. */
  came(key: string, id: string): void {
    this.#came += 1;
    this.#order.set(`${id}/${key}`, this.#came);
  }

  /** Becomes the current version; what had the same version is gone. */
  add(version: Version): void {
    const others = this.versionsOf(version.key).filter(({ versionId }) => versionId !== version.versionId);
    this.came(version.key, version.versionId);
    this.#objects.set(version.key, [version, ...others]);
  }

  /** Removes one version for good. */
  remove(version: Version): void {
    const others = this.versionsOf(version.key).filter((one) => one !== version);
    if (others.length === 0) this.#objects.delete(version.key);
    else this.#objects.set(version.key, others);
  }

  upload(uploadId: string, key: string): Upload {
    const upload = this.uploads.get(uploadId);
    if (upload?.key !== key) throw new S3Error('NoSuchUpload');
    return upload;
  }

  get empty(): boolean {
    return this.#objects.size === 0;
  }

  /** Bytes of all versions and parts. */
  get bytes(): number {
    const parts = [...this.uploads.values()].flatMap((upload) => [...upload.parts.values()]);
    return [...this.allVersions(), ...parts].reduce((sum, { content }) => sum + content.size, 0);
  }
}

export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
