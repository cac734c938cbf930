// What is wrong with a configuration: one line each, with where it stands, what was
// expected and what was given, never showing what may be a secret.

/** One line for the user. */
export type Problem = string;

export type Path = readonly (string | number)[];

/** As people write it: `checks[2].timeout`. */
export function formatPath(path: Path): string {
  return path
    .map((step, index) => (typeof step === "number" ? `[${step}]` : `${index === 0 ? "" : "."}${printable(step)}`))
    .join("");
}

const printable = (key: string): string => (/^[\w./-]+$/.test(key) ? key : JSON.stringify(key));

/** What is under these keys is nobody's to read. */
const HIDDEN = new Set(["headers", "password", "env", "body", "send"]);

/** Longer values are cut: a line is for reading. */
const LONGEST = 60;

/** What was given, for the end of a line. `given` is as it was written, secrets not filled in. */
export function describe(given: unknown, path: Path): string {
  if (given === undefined) return "none";
  if (given === null) return "nothing";
  if (path.some((step) => HIDDEN.has(String(step)))) return "a value that is not shown";
  if (typeof given === "string") return quote(given);
  if (Array.isArray(given)) return given.length === 0 ? "an empty list" : "a list";
  if (typeof given === "object") return Object.keys(given).length === 0 ? "an empty mapping" : "a mapping";
  return String(given);
}

/** In quotes on one line, cut where it is long, without the password of a URL. */
export function quote(text: string): string {
  const shown = withoutCredentials(text);
  return JSON.stringify(shown.length > LONGEST ? `${shown.slice(0, LONGEST)}…` : shown);
}

/** Whoever wrote a URL badly has still written its password into it. */
const withoutCredentials = (text: string): string => text.replace(/(:\/\/[^/?#@\s:]*):[^\s]*@/g, "$1:***@");

/** Loaded only for who mistyped. */
export async function didYouMean(name: string, known: readonly string[]): Promise<string | undefined> {
  if (known.length === 0) return undefined;
  const { closest, distance } = await import("fastest-levenshtein");
  const near = closest(name, [...known]);
  return distance(name, near) <= Math.max(2, name.length / 3) ? near : undefined;
}
