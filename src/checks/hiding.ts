// Takes secrets out of what is shown: as they are, as programs write them, and where
// the end of a text has cut them in two.

import { fault, type Outcome, type Probe } from "./check.ts";
import type { Cut } from "./kind.ts";

/** A text so short stands everywhere by chance; to hide it would hide all else, and tell it. */
const SHORTEST_SECRET = 4;

/** `cut` says where the text may begin or end amid a secret. */
type Hide = (text: string, cut?: Cut) => string;

/** A thousand checks of one file share what hides its secrets. */
const made = new WeakMap<readonly string[], Hide | undefined>();

/** Undefined where there is nothing to hide. */
export function hiding(secrets: readonly string[], more: readonly string[] = []): Hide | undefined {
  if (more.some((secret) => !secrets.includes(secret))) return makeHide([...secrets, ...more]);
  if (!made.has(secrets)) made.set(secrets, makeHide(secrets));
  return made.get(secrets);
}

function makeHide(secrets: readonly string[]): Hide | undefined {
  const forms = [...new Set(secrets.flatMap(formsOf))];
  // The longest first: one may hold another.
  forms.sort((one, other) => other.length - one.length);
  if (forms.length === 0) return undefined;
  return (text, cut = "nowhere") => {
    const hidden = forms.reduce((shown, form) => shown.replaceAll(form, "***"), text);
    if (cut === "end") return withoutBeginning(hidden, forms);
    return cut === "start" ? withoutEnding(hidden, forms) : hidden;
  };
}

/** A secret and its lines, as programs write them: bare, and in JSON, in a URL, in quotes of a shell, in base64. */
function formsOf(secret: string): readonly string[] {
  // What surrounds a text is the first that a program, and we, take off it.
  const bare = [secret, secret.trim(), ...secret.split(/[\r\n]+/).map((line) => line.trim())];
  return bare
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .flatMap((text) => {
      const json = JSON.stringify(text).slice(1, -1);
      return [
        text,
        json,
        json.replaceAll(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`),
        ...formsInUrl(text.toWellFormed()),
        text.replaceAll("'", "'\\''"),
        Buffer.from(text).toString("base64"),
      ];
    });
}

/** As a part of any kind, a path and a query: each leaves other characters as they are. */
function formsInUrl(text: string): readonly string[] {
  const url = new URL("http://localhost");
  url.pathname = text;
  url.search = text;
  return [encodeURIComponent(text), url.pathname.slice(1), url.search.slice(1)].filter(
    ({ length }) => length >= SHORTEST_SECRET,
  );
}

/** The text, less the beginning of a secret that it ends with. */
function withoutBeginning(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    for (let length = Math.min(form.length - 1, text.length); length >= SHORTEST_SECRET; length--) {
      if (text.endsWith(form.slice(0, length))) return `${text.slice(0, -length)}***`;
    }
  }
  return text;
}

/** The text, less the ending of a secret that it begins with. */
function withoutEnding(text: string, forms: readonly string[]): string {
  for (const form of forms) {
    for (let length = Math.min(form.length - 1, text.length); length >= SHORTEST_SECRET; length--) {
      if (text.startsWith(form.slice(-length))) return `***${text.slice(length)}`;
    }
  }
  return text;
}

/** What was cut short for people ends so. */
const CUT_SHORT = /[^…]+(?=…)/g;

export function withoutSecrets(probe: Probe, hide: Hide): Probe {
  const hideAll = (text: string) => hide(text).replaceAll(CUT_SHORT, (piece) => hide(piece, "end"));
  return async (signal) => {
    const outcome = await attempt(probe, signal);
    const hidden: Record<string, unknown> = { ...outcome };
    for (const key of ["detail", "warning", "message", "output"]) {
      const text = hidden[key];
      if (typeof text === "string") hidden[key] = hideAll(text);
    }
    return hidden as Outcome;
  };
}

/** A fault of ours may say a secret too. */
async function attempt(probe: Probe, signal: AbortSignal): Promise<Outcome> {
  try {
    return await probe(signal);
  } catch (error) {
    return fault(error);
  }
}
