// Splits a command line into words as a POSIX shell does, with quotes and backslashes. Nothing is expanded, and no shell
// is run.

/** One piece of a word: an escaped character, a quoted stretch, or plain characters. */
const PIECE = /\\([\s\S])|'([^']*)'|"((?:\\[\s\S]|[^"\\])*)"|([^\\'" \t\n]+)/y;

const BLANKS = /[ \t\n]*/y;

/** The words, at least one and the first not empty; or a phrase that says what was expected. */
export function splitWords(text: string): readonly string[] | string {
  if (text.includes("\0")) return "a command without a zero byte";
  const words: string[] = [];
  let position = skip(text, 0);
  while (position < text.length) {
    let word: string | undefined;
    for (;;) {
      PIECE.lastIndex = position;
      const piece = PIECE.exec(text);
      if (!piece) break;
      const [, escaped, single, double, plain = ""] = piece;
      // bash gives $'…' and $"…" a meaning that a POSIX shell does not.
      if (plain.endsWith("$") && /^['"]/.test(text.slice(PIECE.lastIndex))) {
        return "a command without $'…' or $\"…\", since nothing is expanded";
      }
      // A backslash before a newline joins the two lines.
      const joined =
        escaped === "\n" ? undefined : (escaped ?? single ?? (double === undefined ? plain : unescapeDouble(double)));
      if (joined !== undefined) word = (word ?? "") + joined;
      position = PIECE.lastIndex;
    }
    if (word !== undefined) words.push(word);
    const next = skip(text, position);
    // Neither a piece nor a blank: a quote that is not closed, or a backslash at the end.
    if (next === position && next < text.length) {
      return "a command whose quotes are closed and which does not end in a backslash";
    }
    position = next;
  }
  if (words.length === 0) return "a command";
  if (words[0] === "") return "a command whose first word is not empty";
  return words;
}

const QUOTED = /\\[\s\S]|'[^']*'|"(?:\\[\s\S]|[^"\\])*"/g;

/**
 * The text with \0 in place of quotes and of each character that is quoted or escaped. A shell acts only on the rest. Only
 * for a text that `splitWords` can split.
 */
export const maskQuoted = (text: string): string => text.replace(QUOTED, (quoted) => "\0".repeat(quoted.length));

/** As `maskQuoted`, but what a shell expands within double quotes stays: $NAME, ${NAME}, $( and a backtick. */
export const maskPlain = (text: string): string =>
  text.replace(QUOTED, (quoted) =>
    quoted.startsWith('"')
      ? quoted.replace(IN_DOUBLE, (piece, expanded) => (expanded === undefined ? "\0".repeat(piece.length) : piece))
      : "\0".repeat(quoted.length),
  );

const IN_DOUBLE = /\\[\s\S]|(\$\(|`|\$\{[A-Za-z_]\w*\}?|\$[A-Za-z_]\w*)|[\s\S]/g;

/** Within double quotes a backslash escapes only what is special there. */
const unescapeDouble = (text: string): string => text.replace(/\\([$`"\\])|\\\n/g, "$1");

function skip(text: string, position: number): number {
  BLANKS.lastIndex = position;
  BLANKS.exec(text);
  return BLANKS.lastIndex;
}
