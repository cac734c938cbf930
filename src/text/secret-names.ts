// Which names of options, variables, headers and keys mean that their value is a secret, and which of their values are not.

/** Ends of such names, in lower case, without - _ / and dots. */
const ENDS = [
  "password",
  "passwd",
  "passphrase",
  "passcode",
  "secret",
  "token",
  "apikey",
  "authkey",
  "accesskey",
  "accountkey",
  "sharedkey",
  "secretkey",
  "secretkeybase",
  "privatekey",
  "encryptionkey",
  "signingkey",
  "masterkey",
  "credential",
  "credentials",
  "bearer",
  "jwt",
  "redisauth",
  "rediscliauth",
  "authorization",
];

/** Ends of names whose value may be a secret, but not if it is a number, a file or the like. */
const LIKELY_ENDS = ["pass", "pwd", "pw"];

/** The same, but a lower-case word is no secret either, since such names have other meanings too. */
const UNSURE_ENDS = ["auth", "cookie"];

/** The same, for whole names. */
const UNSURE_NAMES = ["key", "sig", "signature"];

/** A last part of such names: `GH_PAT`, not `--compat`. */
const SHORT_NAME = /(?:^|[-_./])(?:pin|otp|psk|pat|community)$/i;

const NO_SECRETS = ["bypass", "compass"];

/** `--no-password`, `--nopass`; not `NOMAD_TOKEN`. */
const REFUSING = /^[-/]*no(?:[-_]|(?:pass|password|passwd|auth|token)$)/i;

/** How surely a value of this name is a secret; undefined: it is none. */
export type Sureness = "sure" | "likely" | "unsure" | undefined;

export function surenessOf(name: string): Sureness {
  // `password1`
  const plain = name
    .toLowerCase()
    .replaceAll(/[-_./]/g, "")
    .replace(/\d{1,2}$/, "");
  const ends = (end: string) => plain.endsWith(end);
  if (REFUSING.test(name) || NO_SECRETS.some(ends)) return undefined;
  if (ENDS.some(ends) || SHORT_NAME.test(name)) return "sure";
  // `--tokens` may be secrets or a number of them.
  if (LIKELY_ENDS.some(ends) || ENDS.some((end) => ends(`${end}s`))) return "likely";
  return UNSURE_ENDS.some(ends) || UNSURE_NAMES.includes(plain) ? "unsure" : undefined;
}

/** The same for a header, of which some more are secrets. */
export const surenessOfHeader = (name: string): Sureness =>
  surenessOf(name) ?? (/^(?!sec-).*[-_](?:key|signature|session)$/i.test(name) ? "unsure" : undefined);

/** Values of settings, and what has been redacted already. */
const ANSWER = /^(?:true|false|yes|no|on|off|ok|none|null|nil|undefined|-|\**)$/i;

const NUMBER = /^\d{1,4}(?:[,.]\d{1,4}){0,3}$/;
const SCHEME = /^(?:basic|digest|bearer|ntlm|negotiate|plain|login)$/i;
const FILE =
  /^(?:\.{0,2}|~)\/|^[A-Za-z]:\\|^(?:file|env|fd):|\.(?:pem|key|crt|cer|p12|pfx|jks|json|ya?ml|txt|conf|jar|pub)$/i;

/** `ldap`, `sha256`. */
const PLAIN_WORD = /^(?:[a-z]+|[a-z]{2,4}\d{1,3})$/;

/** Little base64 looks like this. */
const ABSOLUTE_PATH = /^\/[a-z]+\/[^+=]+$/;

export function isSecretValue(value: string, name: string, sureness = surenessOf(name)): boolean {
  if (sureness === undefined || value === "" || ANSWER.test(value)) return false;
  if (sureness === "sure") return /pass/i.test(name) || !ABSOLUTE_PATH.test(value);
  if (NUMBER.test(value) || SCHEME.test(value) || FILE.test(value)) return false;
  return sureness === "likely" || !PLAIN_WORD.test(value);
}

/** The scheme before the secret. */
const BEFORE_SECRET = /^(?:Bearer|Basic|Token|Negotiate|ApiKey)[ \t]+/i;

/** The length of the scheme, such as `Bearer `, at the start of a value; 0 without one. */
export function schemeLength(name: string, value: string): number {
  const pattern = /auth(?:orization)?$/i.test(name) ? /^[A-Za-z][\w-]*[ \t]+/ : BEFORE_SECRET;
  return pattern.exec(value)?.[0].length ?? 0;
}
