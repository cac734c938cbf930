// Texts, paths and names that look like patterns, and are compared literally.

/** For the value of `expect`. */
export function lintPattern(written: string): string | undefined {
  if (/[\r\n]$/.test(written)) {
    return "it ends in a line end, which must come too; without one write |- for a block of text, or leave out the \\n";
  }
  if (written === "//")
    return "it is compared as plain text, and is no regular expression: nothing stands between the slashes";
  if (BLANK_OUTSIDE.test(written)) {
    return "the blank before or behind the slashes makes plain text of it, blank and slashes too; leave it out for a regular expression";
  }
  const [, source] = /^\/(.+)\/[a-z]*$/s.exec(written) ?? [];
  if (source !== undefined) {
    const [foreign] = FOREIGN.exec(source.replaceAll("\\\\", "\0\0")) ?? [];
    return foreign && `${foreign} has no meaning in a regular expression of ECMAScript; ^, $, \\d and \\s have`;
  }
  const [whole, sign = whole] = LIKE_EXPRESSION.map((one) => one.exec(written)).find((found) => found !== null) ?? [];
  return (
    sign && `it is compared as plain text, ${sign} too; a regular expression stands between slashes, as in /^ok$/i`
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
  if (/\s$/.test(written)) return `it ends in a ${endOf(written)}, which is a part of the path here`;
  const [sign] = SIGN_IN_PATH.exec(written) ?? [];
  return (
    sign &&
    `${sign} is ${sign.length === 1 ? "a plain character" : "plain text"} here; a path names one file, no pattern`
  );
}

/** Patterns of a shell and of strftime. */
const SIGN_IN_PATH = /[*?[]|\{[^{}/,]*,[^{}/]*\}|%[YymdHMSFjs](?![\dA-Za-z])/;

const endOf = (written: string): string => (/[\r\n]$/.test(written) ? "line end" : "blank");

/** For the name of a process, or the path of a pid file. */
export function lintProcess(written: string): string | undefined {
  if (/\s$/.test(written)) return `it ends in a ${endOf(written)}, which is compared too`;
  const [sign] = SIGN_IN_NAME.exec(written) ?? [];
  if (written.startsWith("/")) {
    if (IN_PROGRAMS.test(written))
      return "it begins with a slash, so it is the path of a pid file; a program is named without its path";
    return sign !== undefined || written.endsWith("/")
      ? "it begins with a slash, so it is the path of a pid file; a regular expression goes under matching:"
      : undefined;
  }
  if (sign !== undefined)
    return `it is compared as a whole name, ${sign} too; a regular expression goes under matching:`;
  return looksLikeCommandLine(written)
    ? "it is compared as a whole name, and looks like a command line; name the program alone, and what else its command line holds under matching:"
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
  return isExpression ? "it is compared as plain text; a regular expression goes under expect" : undefined;
}

const STATE_WORD = "up|ok|pass|passed|passing|healthy|ready|running|active|alive|green|success";

/** /api/ may be a path, /up/ is a state. */
const STATE = new RegExp(`^(?:${STATE_WORD})$`, "i");
const STATES = new RegExp(`^(?:${STATE_WORD})(?:\\|\\w+)+$`, "i");
