// An error of the YAML parser → a problem in plain words. The text at the error is not shown: it may be a
// password that needs quotes.

import type { YAMLError } from "yaml";

/** `offset` is where in the file; `text` is a whole sentence: `expected …, got …`. */
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
      return problem("spaces to indent with", "a tab");
    case "MULTIPLE_DOCS":
      return problem("one document", "more");
    case "BAD_DIRECTIVE":
      return { offset, text: FOREIGN_DIRECTIVE };
    case "TAG_RESOLVE_FAILED":
      return problem("no tag", "one (put a text that begins with ! in quotes)");
    case "BLOCK_AS_IMPLICIT_KEY":
      return problem(
        "one value after a key",
        "another key or colon (put a text that holds a colon and a space in quotes)",
      );
    case "MULTILINE_IMPLICIT_KEY":
      return problem("a colon and a space after a key", "the next line");
    case "BAD_SCALAR_START":
      return /[!-~]/.test(source.charAt(offset))
        ? problem("a value", `one that begins with ${source.charAt(offset)} (put it in quotes)`)
        : problem("a value", "a tab or another character that begins none");
    case "BAD_DQ_ESCAPE":
      return problem(
        "an escape of double quotes",
        `${JSON.stringify(source.slice(offset, offset + 2))} (in single quotes a backslash is itself)`,
      );
    case "BAD_ALIAS":
      return problem("the name of an anchor after *", "none (put a text that begins with * in quotes)");
    case "BLOCK_IN_FLOW":
      return problem("a comma between two items in brackets", "none");
    case "UNEXPECTED_TOKEN":
      return / at node end/.test(message)
        ? problem("nothing more after a value", "more (put the whole in quotes)")
        : problem("YAML", `a flaw: ${plain(message)}`);
    case "KEY_OVER_1024_CHARS":
      return problem("a key of at most 1024 characters", "more");
    case "MISSING_CHAR": {
      const [, mark] = /closing (["'])/.exec(message) ?? [];
      if (mark !== undefined)
        return problem(`a closing ${mark}`, "none", Math.max(0, source.lastIndexOf(mark, offset - 1)));
      if (/^implicit map keys/i.test(message)) return problem("a colon and a space after a key", "none");
      return /without - indicator/.test(message)
        ? problem(SAME_COLUMN, "another")
        : problem("YAML", `a flaw: ${plain(message)}`);
    }
    case "BAD_INDENT": {
      const [, bracket] = /end with an? ([\]}])/.exec(message) ?? [];
      return bracket === undefined ? problem(SAME_COLUMN, "another") : problem(`a closing ${bracket}`, "none");
    }
    default:
      return problem("YAML", `a flaw: ${plain(message)}`);
  }
}

export const FOREIGN_DIRECTIVE = "expected no directive but %YAML 1.2, got one (a line that begins with %)";

const SAME_COLUMN = "the indentation of the lines before";

/** The parser's message without what it quotes from the file. */
const plain = (message: string): string =>
  message.charAt(0).toLowerCase() + message.slice(1).replace(/[^\w \-"'{}[\],|>&!].*/su, "");
