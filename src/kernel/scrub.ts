/** What replaces something that nobody else shall read. */
const HIDDEN = '***';

/** Names under which only secrets and accounts are kept, wherever they stand in a document. */
const SECRET_NAME =
  /^(?:.*secret.*|.*password|.*passphrase|token|identity|hash|(?:setup|pairing)_code|.*_key|.*user(?:name)?|ca_certificate)$/;

/** What gives itself away by its form, in any text. */
const SECRET_FORMS: readonly [RegExp, string][] = [
  // user and password in an address
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/?#@]+@/gi, `$1${HIDDEN}@`],
  // the query of an address, which may carry anything; its names stay
  [/([?&][^\s=&#"']{1,100}=)[^\s&#"']+/g, `$1${HIDDEN}`],
  [/AGE-SECRET-KEY-1[A-Z0-9]+/gi, HIDDEN],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, HIDDEN],
  // our own tokens, those of Home Assistant (JWT), keys of AWS, and what stands behind "Bearer"
  [/\bhs_[a-z0-9]+_[A-Za-z0-9_-]+/g, HIDDEN],
  [/\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]{5,}/g, HIDDEN],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}/g, HIDDEN],
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,}/gi, `$1 ${HIDDEN}`],
];

/** A text without what looks like a secret. */
export function scrubText(text: string): string {
  return SECRET_FORMS.reduce((result, [form, instead]) => result.replace(form, instead), text);
}

/** A document, to be shown to strangers, without what is named or looks like a secret. */
export function scrub(value: unknown): unknown {
  if (typeof value === 'string') return scrubText(value);
  if (Array.isArray(value)) return value.map(scrub);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const hide = SECRET_NAME.test(name) && typeof member === 'string' && member !== '';
      return [scrubText(name), hide ? HIDDEN : scrub(member)];
    }),
  );
}
