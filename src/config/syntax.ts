// An error of the YAML parser → a problem in plain words. The text at the error is not shown: it may be a
// password that needs quotes.

import type { YAMLError } from "yaml";

/** `offset` is where in the file; `text` is a whole sentence. */
export interface SyntaxProblem {
  readonly offset: number;
  readonly text: string;
}

export function syntaxProblemOf({ code, message, pos: [offset] }: YAMLError, source: string): SyntaxProblem {
  const problem = (expected: string, got: string, at = offset) => ({
    offset: at,
    text: `expected ${expected}, got ${got}`,
  });
  switch (code) {
    case "TAB_AS_INDENT":
      return problem("spaces as indentation", "a tab");
    case "MULTIPLE_DOCS":
      return problem("one document", "several");
    case "BAD_DIRECTIVE":
      return { offset, text: FOREIGN_DIRECTIVE };
    case "TAG_RESOLVE_FAILED":
      return { offset, text: `${NO_TAGS}; ${HINT_FOR_TAGS}` };
    case "BLOCK_AS_IMPLICIT_KEY":
      return problem(
        "one value after a key",
        "another key or colon (put a text that contains a colon and a space in quotes)",
      );
    case "MULTILINE_IMPLICIT_KEY":
      return problem("a colon and a space after a key", "a line end");
    case "BAD_SCALAR_START":
      return /[!-~]/.test(source.charAt(offset))
        ? problem("a value", `one that begins with ${source.charAt(offset)} (put it in quotes)`)
        : problem("a value", "a tab or another character that cannot begin a value");
    case "BAD_DQ_ESCAPE":
      return problem(
        "a valid escape in double quotes",
        `${JSON.stringify(source.slice(offset, offset + 2))} (in single quotes a backslash is a plain character)`,
      );
    case "BAD_ALIAS":
      return problem("the name of an anchor after *", "none (put a text that begins with * in quotes)");
    case "BLOCK_IN_FLOW":
      return problem("a comma between two items in brackets", "none");
    case "UNEXPECTED_TOKEN":
      return / at node end/.test(message)
        ? problem("the end of a value", "more text (put the whole value in quotes)")
        : { offset, text: `invalid YAML: ${plain(message)}` };
    case "KEY_OVER_1024_CHARS":
      return problem("a key of at most 1024 characters", "a longer key");
    case "MISSING_CHAR": {
      const [, mark] = /closing (["'])/.exec(message) ?? [];
      if (mark !== undefined)
        return problem(`a closing ${mark}`, "none", Math.max(0, source.lastIndexOf(mark, offset - 1)));
      if (/^implicit map keys/i.test(message)) return problem("a colon and a space after a key", "none");
      return /without - indicator/.test(message)
        ? problem(SAME_COLUMN, "a different one")
        : { offset, text: `invalid YAML: ${plain(message)}` };
    }
    case "BAD_INDENT": {
      const [, bracket] = /end with an? ([\]}])/.exec(message) ?? [];
      return bracket === undefined ? problem(SAME_COLUMN, "a different one") : problem(`a closing ${bracket}`, "none");
    }
    default:
      return { offset, text: `invalid YAML: ${plain(message)}` };
  }
}

export const NO_TAGS = "tags are not supported";
export const HINT_FOR_TAGS = "put a text that begins with ! in quotes";

export const FOREIGN_DIRECTIVE = "expected no directive (a line that begins with %) except %YAML 1.2, got another";

const SAME_COLUMN = "the same indentation as the lines before";

/** The parser's message without what it quotes from the file. */
const plain = (message: string): string =>
  message.charAt(0).toLowerCase() + message.slice(1).replace(/[^\w \-"'{}[\],|>&!].*/su, "");
