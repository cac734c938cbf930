// Texts, paths and names that are written as patterns elsewhere, and are compared as they stand here.

/** What `expect` was given; undefined where it says what it means. */
export function lintPattern(written: string): string | undefined {
  if (/[\r\n]$/.test(written)) {
    return "it ends in a line end, which must come too; without one write |- for a block of text, or leave out the \\n";
  }
  const [, source] = /^\/(.+)\/[a-z]*$/s.exec(written) ?? [];
  if (source !== undefined) {
    const [foreign] = FOREIGN.exec(source.replaceAll("\\\\", "\0\0")) ?? [];
    return foreign && `${foreign} has no meaning in a regular expression of ECMAScript; ^, $, \\d and \\s have`;
  }
  const sign = LIKE_EXPRESSION.map((one) => one.exec(written)?.[0]).find((found) => found !== undefined);
  return (
    sign && `it is compared as plain text, ${sign} too; a regular expression stands between slashes, as in /^ok$/i`
  );
}

/** Of Perl, POSIX and Go: here a letter, or a set of characters. */
const FOREIGN = /\\[AzZGQKR]|\[:\^?[a-z]+:\]/;

const LIKE_EXPRESSION = [
  /\(\?(?:[a-zA-Z-]+\)|[:=!<])/,
  /^\^/,
  /\.[*+]/,
  /(?<![\w:\\])\\[dwsbDWSB](?![A-Za-z])/,
  /\[\^?(?:\w-\w)+\]/,
  /\((?:[\w ]+\|)+[\w ]+\)/,
  /(?<=[A-Za-z\d)\]])\$$/,
];

export function lintPath(written: string): string | undefined {
  const [sign] = /[*?[]/.exec(written) ?? [];
  return sign && `${sign} is a plain character here; a path names one file, no pattern`;
}

/** The name of a process, or the path of a pid file. */
export function lintProcess(written: string): string | undefined {
  const [sign] = SIGN_IN_NAME.exec(written) ?? [];
  const what = written.startsWith("/")
    ? (sign !== undefined || written.endsWith("/")) && "it begins with a slash, so it is the path of a pid file"
    : sign !== undefined && `it is compared as a whole name, ${sign} too`;
  return what ? `${what}; a regular expression goes under matching:` : undefined;
}

const SIGN_IN_NAME = /[*?^$|[\]\\]|\.\+/;

/** A value that is compared with one of a JSON document. */
export function lintJsonValue(written: string): string | undefined {
  const [, source = ""] = /^\/(.+)\/[imsuv]*$/s.exec(written) ?? [];
  return /[*^$|\\+]/.test(source) ? "it is compared as plain text; a regular expression goes under expect" : undefined;
}
