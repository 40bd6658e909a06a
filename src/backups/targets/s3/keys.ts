import { Problem } from '../../../kernel/errors.ts';

/** Keys as the bucket knows them, from keys relative to the target's folder, and back. */
export class Keys {
  /** Empty for the root of the bucket, else with a slash at its end. */
  readonly prefix: string;

  constructor(folder: string) {
    this.prefix = folder === '' ? '' : `${folder}/`;
  }

  full(key: string): string {
    return this.prefix + key;
  }

  relative(fullKey: string): string {
    return fullKey.slice(this.prefix.length);
  }
}

/**
 * A key out of a list that was asked for with `encoding-type=url`. That encoding is the one of forms: a blank is `+`.
 * Servers that do not know the parameter answer plainly, and say so by not repeating it.
 */
export function decodeListed(key: string, encodingType: string | undefined): string {
  if (encodingType !== 'url') return key;
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    throw new Problem('target_unexpected', {
      params: { reason: 'a key in the list is not encoded as it says' },
    });
  }
}
