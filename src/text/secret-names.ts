// Which names of an option, a variable, a header or a key are those of secrets, and which values of theirs are none.

/** What such a name ends with, in small letters without - _ and dots. */
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

/** What such a name may end with, where a number and the like is none. */
const LIKELY_ENDS = ["pass", "pwd", "pw"];

/** The same, where a word of small letters is none either: other things are called so as well. */
const UNSURE_ENDS = ["auth", "cookie"];

/** The same, for names that are this alone. */
const UNSURE_NAMES = ["key", "sig", "signature"];

/** The last part of such a name, by itself: `GH_PAT`, not `--compat`. */
const SHORT_NAME = /(?:^|[-_./])(?:pin|otp|psk|pat|community)$/i;

const NO_SECRETS = ["bypass", "compass"];

/** `--no-password`, `--nopass`; not `NOMAD_TOKEN`. */
const REFUSING = /^[-/]*no(?:[-_]|(?:pass|password|passwd|auth|token)$)/i;

/** Undefined for the name of anything else. */
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
  // `--tokens` are secrets, or how many.
  if (LIKELY_ENDS.some(ends) || ENDS.some((end) => ends(`${end}s`))) return "likely";
  return UNSURE_ENDS.some(ends) || UNSURE_NAMES.includes(plain) ? "unsure" : undefined;
}

/** That of a header, some more of which are secrets. */
export const surenessOfHeader = (name: string): Sureness =>
  surenessOf(name) ?? (/^(?!sec-).*[-_](?:key|signature|session)$/i.test(name) ? "unsure" : undefined);

/** Answers and settings, and what has been blanked already. */
const ANSWER = /^(?:true|false|yes|no|on|off|ok|none|null|nil|undefined|-|\**)$/i;

const NUMBER = /^\d{1,4}(?:[,.]\d{1,4}){0,3}$/;
const SCHEME = /^(?:basic|digest|bearer|ntlm|negotiate|plain|login)$/i;
const FILE =
  /^(?:\.{0,2}|~)\/|^[A-Za-z]:\\|^(?:file|env|fd):|\.(?:pem|key|crt|cer|p12|pfx|jks|json|ya?ml|txt|conf|jar|pub)$/i;

/** `ldap`, `sha256`. */
const PLAIN_WORD = /^(?:[a-z]+|[a-z]{2,4}\d{1,3})$/;

/** Of base64 few texts begin so. */
const ABSOLUTE_PATH = /^\/[a-z]+\/[^+=]+$/;

export function isSecretValue(value: string, name: string, sureness = surenessOf(name)): boolean {
  if (sureness === undefined || value === "" || ANSWER.test(value)) return false;
  if (sureness === "sure") return /pass/i.test(name) || !ABSOLUTE_PATH.test(value);
  if (NUMBER.test(value) || SCHEME.test(value) || FILE.test(value)) return false;
  return sureness === "likely" || !PLAIN_WORD.test(value);
}

/** `Bearer` before what counts. */
const BEFORE_SECRET = /^(?:Bearer|Basic|Token|Negotiate|ApiKey)[ \t]+/i;

/** How many of the first characters of a value say how the rest is meant. */
export function schemeLength(name: string, value: string): number {
  const pattern = /auth(?:orization)?$/i.test(name) ? /^[A-Za-z][\w-]*[ \t]+/ : BEFORE_SECRET;
  return pattern.exec(value)?.[0].length ?? 0;
}
