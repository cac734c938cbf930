// What the parser of YAML says is wrong, in the words of who wrote the file. What was
// written there is not shown: it may be a password that wants quotes.

import type { YAMLError } from "yaml";

/** Where in the text, and a whole sentence: `expected …, got …`. */
export interface Flaw {
  readonly offset: number;
  readonly said: string;
}

export function explain({ code, message, pos: [offset] }: YAMLError, text: string): Flaw {
  const flaw = (expected: string, got: string, at = offset) => ({
    offset: at,
    said: `expected ${expected}, got ${got}`,
  });
  switch (code) {
    case "TAB_AS_INDENT":
      return flaw("spaces to indent with", "a tab");
    case "MULTIPLE_DOCS":
      return flaw("one document", "more");
    case "BAD_DIRECTIVE":
      return { offset, said: FOREIGN_DIRECTIVE };
    case "TAG_RESOLVE_FAILED":
      return flaw("no tag", "one (put a text that begins with ! in quotes)");
    case "BLOCK_AS_IMPLICIT_KEY":
      return flaw(
        "one value after a key",
        "another key or colon (put a text that holds a colon and a space in quotes)",
      );
    case "MULTILINE_IMPLICIT_KEY":
      return flaw("a colon and a space after a key", "the next line");
    case "BAD_SCALAR_START":
      return /[!-~]/.test(text.charAt(offset))
        ? flaw("a value", `one that begins with ${text.charAt(offset)} (put it in quotes)`)
        : flaw("a value", "a tab or another character that begins none");
    case "BAD_DQ_ESCAPE":
      return flaw(
        "an escape of double quotes",
        `${JSON.stringify(text.slice(offset, offset + 2))} (in single quotes a backslash is itself)`,
      );
    case "BAD_ALIAS":
      return flaw("the name of an anchor after *", "none (put a text that begins with * in quotes)");
    case "BLOCK_IN_FLOW":
      return flaw("a comma between two items in brackets", "none");
    case "UNEXPECTED_TOKEN":
      return / at node end/.test(message)
        ? flaw("nothing more after a value", "more (put the whole in quotes)")
        : flaw("YAML", `a flaw: ${plain(message)}`);
    case "KEY_OVER_1024_CHARS":
      return flaw("a key of at most 1024 characters", "more");
    case "MISSING_CHAR": {
      const [, mark] = /closing (["'])/.exec(message) ?? [];
      if (mark !== undefined) return flaw(`a closing ${mark}`, "none", Math.max(0, text.lastIndexOf(mark, offset - 1)));
      if (/^implicit map keys/i.test(message)) return flaw("a colon and a space after a key", "none");
      return /without - indicator/.test(message)
        ? flaw(SAME_COLUMN, "another")
        : flaw("YAML", `a flaw: ${plain(message)}`);
    }
    case "BAD_INDENT": {
      const [, bracket] = /end with an? ([\]}])/.exec(message) ?? [];
      return bracket === undefined ? flaw(SAME_COLUMN, "another") : flaw(`a closing ${bracket}`, "none");
    }
    default:
      return flaw("YAML", `a flaw: ${plain(message)}`);
  }
}

export const FOREIGN_DIRECTIVE = "expected no directive but %YAML 1.2, got one (a line that begins with %)";

const SAME_COLUMN = "the indentation of the lines before";

/** Without what it quotes of the text. */
const plain = (message: string): string =>
  message.charAt(0).toLowerCase() + message.slice(1).replace(/[^\w \-"'{}[\],|>&!].*/su, "");
