/** What stands for a certificate that an authority vouches for, by the name of the device: each of these is renewed every few weeks. */
export const BY_AUTHORITY = 'authority';

/** What is trusted because it was met first: the fingerprint of a certificate or of a host key. */
export interface Trust {
  /** What was met when the device was added; undefined where nothing was yet. */
  readonly known: string | undefined;
  /**
   * Called with what is met now: a fingerprint, or `BY_AUTHORITY`, which is as good as any that is known.
   * @throws Problem `device_pin` where that is something else than what is known
   */
  meet(fingerprint: string, host: string): void;
}
