// What is wrong with a configuration: one line each, with where it stands, what was
// expected and what was given, never showing what may be a secret.

import { cutLong, inQuotes, quote, withoutCredentials } from "../text/printable.ts";

/** One line for the user. */
export type Problem = string;

export type Path = readonly (string | number)[];

/** As people write it: `checks[2].timeout`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${printable(step)}`))
    .join("");
}

const printable = (key: string): string =>
  /^[\w./-]+$/.test(key) ? cutLong(key) : inQuotes(cutLong(withoutCredentials(key)));

/** Undefined where nothing is. */
export function valueAt(root: unknown, path: Path): unknown {
  let node = root;
  for (const key of path) {
    if (typeof node !== "object" || node === null || !Object.hasOwn(node, key)) return undefined;
    node = (node as Readonly<Record<string | number, unknown>>)[key];
  }
  return node;
}

/** What is under these keys is nobody's to read. */
const HIDDEN = new Set(["headers", "password", "env", "body", "send"]);

/** What was given, for the end of a line. `given` is as it was written, secrets not filled in. */
export function describe(given: unknown, path: Path): string {
  if (given === undefined) return "none";
  if (given === null) return "nothing";
  if (Array.isArray(given)) return given.length === 0 ? "an empty list" : "a list";
  if (typeof given === "object") return Object.keys(given).length === 0 ? "an empty mapping" : "a mapping";
  if (path.some((step) => HIDDEN.has(String(step)))) return "a value that is not shown";
  return typeof given === "string" ? quote(given) : String(given);
}
