// Texts, paths and names that look like patterns, and are compared literally.

/** For the value of `expect`. */
export function lintPattern(written: string): string | undefined {
  if (/[\r\n]$/.test(written)) {
    return "it ends with a line end, which must match too; use |- for a block of text, or remove the \\n";
  }
  if (written === "//") return "it is compared as plain text; a regular expression needs a pattern between the slashes";
  if (BLANK_OUTSIDE.test(written)) {
    return "the space before or after the slashes makes it plain text; remove the space for a regular expression";
  }
  const [, source] = /^\/(.+)\/[a-z]*$/s.exec(written) ?? [];
  if (source !== undefined) {
    const [foreign] = FOREIGN.exec(source.replaceAll("\\\\", "\0\0")) ?? [];
    return foreign && `${foreign} is not supported in a regular expression (ECMAScript syntax); use ^, $, \\d or \\s`;
  }
  const [whole, sign = whole] = LIKE_EXPRESSION.map((one) => one.exec(written)).find((found) => found !== null) ?? [];
  return (
    sign && `it is compared as plain text, including ${sign}; write a regular expression between slashes, as in /^ok$/i`
  );
}

const BLANK_OUTSIDE = /^(?: +\/[^/]+\/[imsuv]* *|\/[^/]+\/[imsuv]* +)$/;

/** Syntax of Perl, POSIX and Go, which ECMAScript reads as a letter, or as a set of characters. */
const FOREIGN = /\\[AzZGQKRh]|\[:\^?[a-z]+:\]/;

/** The warning shows the group, or the whole match. */
const LIKE_EXPRESSION = [
  /\(\?(?:[a-zA-Z-]+\)|[:=!<])/,
  /^\^/,
  /\.[*+]/,
  /(?<![\w:\\])\\[dwsbDWSB](?![A-Za-z])/,
  /(?<![\w:\\])\\b(?=\w+\\b)/,
  /(?<![:\\])\\[.*+?()[\]]/,
  /^\*(?=[A-Za-z])/,
  /^[A-Za-z][\w ]*(\*)$/,
  /\[\^?(?:\w-\w)+\]/,
  /\((?:[\w ]+\|)+[\w ]+\)/,
  /(?<=[A-Za-z\d)\]])\$$/,
];

export function lintPath(written: string): string | undefined {
  if (/\s$/.test(written)) return `it ends with ${endOf(written)}, which is part of the path`;
  const [sign] = SIGN_IN_PATH.exec(written) ?? [];
  return (
    sign &&
    `${sign} is ${sign.length === 1 ? "a plain character" : "plain text"} here; a path is not expanded as a pattern`
  );
}

/** Patterns of a shell and of strftime. */
const SIGN_IN_PATH = /[*?[]|\{[^{}/,]*,[^{}/]*\}|%[YymdHMSFjs](?![\dA-Za-z])/;

const endOf = (written: string): string => (/[\r\n]$/.test(written) ? "a line end" : "white space");

/** For the name of a process, or the path of a pid file. */
export function lintProcess(written: string): string | undefined {
  if (/\s$/.test(written)) return `it ends with ${endOf(written)}, which must match too`;
  const [sign] = SIGN_IN_NAME.exec(written) ?? [];
  if (written.startsWith("/")) {
    if (IN_PROGRAMS.test(written))
      return "it begins with a slash, so it is read as the path of a pid file; write the name of a program without its path";
    return sign !== undefined || written.endsWith("/")
      ? "it begins with a slash, so it is read as the path of a pid file; put a regular expression under matching:"
      : undefined;
  }
  if (sign !== undefined)
    return `it is compared as a whole name, including ${sign}; put a regular expression under matching:`;
  return looksLikeCommandLine(written)
    ? "it looks like a command line, but is compared with the name of a program; write only the name here, and put the rest under matching:"
    : undefined;
}

const SIGN_IN_NAME = /[*?^$|[\]\\]|\.\+/;

/** Folders of programs, which hold no pid files. */
const IN_PROGRAMS = /^\/(?:usr\/(?:local\/|lib\/.*\/)?)?s?bin\/(?!.*\.pid$)/;

/** It has an option; or a title behind a colon, and is longer than a process name can be. */
const looksLikeCommandLine = (name: string): boolean =>
  /\S\s+-/.test(name) || (/\S: \S/.test(name) && Buffer.byteLength(name) > LONGEST_NAME_BYTES);

const LONGEST_NAME_BYTES = 15;

/** For a value that is compared with one of a JSON document. */
export function lintJsonValue(written: string): string | undefined {
  const [, source = ""] = /^\/(.+)\/[imsuv]*$/s.exec(written) ?? [];
  const isExpression =
    /[*^$|\\+]/.test(source) || STATE.test(source) || STATES.test(written) || /^\^\w.*\$$/.test(written);
  return isExpression ? "it is compared as plain text; put a regular expression under expect" : undefined;
}

const STATE_WORD = "up|ok|pass|passed|passing|healthy|ready|running|active|alive|green|success";

/** /api/ may be a path, /up/ is a state. */
const STATE = new RegExp(`^(?:${STATE_WORD})$`, "i");
const STATES = new RegExp(`^(?:${STATE_WORD})(?:\\|\\w+)+$`, "i");
