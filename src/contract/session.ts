import * as v from 'valibot';

/** The cookie in which a browser keeps the session of a person. */
export const SESSION_COOKIE = 'homestash_session';

/** Shorter passwords are guessed; longer ones than this nobody types. */
const SHORTEST_PASSWORD = 10;
const LONGEST_PASSWORD = 200;

/** A password that is chosen. */
export const NewPassword = v.pipe(
  v.string(),
  v.minLength(SHORTEST_PASSWORD, `at least ${SHORTEST_PASSWORD} characters`),
  v.maxLength(LONGEST_PASSWORD),
);

const EnteredPassword = v.pipe(v.string(), v.minLength(1), v.maxLength(LONGEST_PASSWORD));

/**
 * Who uses the web UI. `setup`: nobody has chosen a password yet, the code in the log lets somebody do that.
 * Through Home Assistant (`via`) nobody signs in here at all.
 */
export const Session = v.object({
  state: v.picklist(['setup', 'signed_out', 'signed_in']),
  via: v.nullable(v.picklist(['password', 'home_assistant'])),
  /** As Home Assistant calls the person; null where that is not known. */
  user: v.nullable(v.string()),
  /** The core's own name. */
  name: v.string(),
});
export type Session = v.InferOutput<typeof Session>;

/** The first password, or a new one when it was forgotten: with the code from the core's log. */
export const SetupRequest = v.object({
  code: v.pipe(v.string(), v.minLength(1), v.maxLength(100)),
  password: NewPassword,
});
export type SetupRequest = v.InferOutput<typeof SetupRequest>;

/** Signing in. */
export const SignInRequest = v.object({ password: EnteredPassword });
export type SignInRequest = v.InferOutput<typeof SignInRequest>;

/** A new password; all other sessions end. */
export const PasswordChange = v.object({ current: EnteredPassword, password: NewPassword });
export type PasswordChange = v.InferOutput<typeof PasswordChange>;
