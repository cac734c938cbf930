// A command line to its words, as a POSIX shell splits them: quotes and
// backslashes count, nothing is expanded, no shell is run.

import { split } from "shlex";

/** An escaped character, or a quoted stretch. */
const QUOTING = /\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"/g;

/** The words, at least one and the first not empty; or what was expected, as a phrase. */
export function splitWords(text: string): readonly string[] | string {
  if (text.includes("\0")) return "a command without a zero byte";
  // shlex reads $'…' and $"…" as bash does; a POSIX shell does not know them.
  if (/\$['"]/.test(text.replace(QUOTING, (quoted) => (quoted.startsWith("\\") ? "" : (quoted[0] ?? ""))))) {
    return "a command without $'…' or $\"…\", since nothing is expanded";
  }
  let words: readonly string[];
  try {
    words = split(text.replace(QUOTING, unescapeExpansions));
  } catch {
    return "a command whose quotes are closed and which does not end in a backslash";
  }
  if (words.length === 0) return "a command";
  if (words[0] === "") return "a command whose first word is not empty";
  return words;
}

/** Within double quotes a backslash also quotes $ and `, which shlex, like Python's, leaves as they are. */
function unescapeExpansions(quoted: string): string {
  return quoted.startsWith('"') ? quoted.replace(/\\([$`])|\\[\s\S]/g, (kept, expansion) => expansion ?? kept) : quoted;
}
