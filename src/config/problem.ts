// A problem of a configuration is one line: its place, what was expected and what was given. It never shows what may be
// a secret.

import { cutLong, inQuotes, quote, withoutCredentials } from "../text/printable.ts";

/** One line for the user. */
export type Problem = string;

export type Path = readonly (string | number)[];

/** `checks[2].timeout`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${printableKey(step)}`))
    .join("");
}

const printableKey = (key: string): string =>
  /^[\w./-]+$/.test(key) ? cutLong(key) : inQuotes(cutLong(withoutCredentials(key)));

/** Undefined if there is no value. */
export function valueAt(root: unknown, path: Path): unknown {
  let node = root;
  for (const key of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Readonly<Record<string | number, unknown>>)[key];
  }
  return node;
}

/** Values under these keys may be secrets. */
const KEYS_OF_SECRETS = new Set(["headers", "password", "env", "body", "send"]);

/** What was given, for the end of a line. `given` is the value as written, without secrets filled in. */
export function describe(given: unknown, path: Path): string {
  if (given === undefined) return "none";
  if (given === null) return "nothing";
  if (Array.isArray(given)) return given.length === 0 ? "an empty list" : "a list";
  if (typeof given === "object") return Object.keys(given).length === 0 ? "an empty mapping" : "a mapping";
  if (path.some((step) => KEYS_OF_SECRETS.has(String(step)))) return "a redacted value";
  return typeof given === "string" ? quote(given) : String(given);
}
