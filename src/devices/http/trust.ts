/** What is trusted because it was met first: the fingerprint of a certificate or of a host key. */
export interface Trust {
  /** What was met when the device was added; undefined where nothing was yet. */
  readonly known: string | undefined;
  /** Called with what is met now. @throws Problem `device_pin` where that is something else than what is known */
  meet(fingerprint: string, host: string): void;
}
