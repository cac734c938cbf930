// A text to send or to expect is UTF-8. A text that looks like bytes gets a warning.

/** `written` is a text, or a regular expression between slashes; `key` is the key that takes bytes. */
export function lintBytes(written: string, key: string): string | undefined {
  const [, source] = /^\/(.+)\/[a-z]*$/s.exec(written) ?? [];
  if (source === undefined && BACKSLASHES.test(written)) {
    return `a backslash is a plain character here; write \\n in double quotes for a line end, or put bytes in hexadecimal under ${key}`;
  }
  if (key === "send-hex" && HEXADECIMAL.test(written)) {
    return `it is sent as text, not as bytes; put bytes in hexadecimal under ${key}`;
  }
  const high = source === undefined ? isBinary(written) : isBinary(source) || HIGH_ESCAPE.test(source);
  return high ? `${TWO_BYTES}; put bytes in hexadecimal under ${key}` : undefined;
}

/** For the body of a request, which has no key for bytes. */
export const lintBody = (written: string): string | undefined =>
  isBinary(written) ? `${TWO_BYTES}; a body is text, not bytes` : undefined;

const TWO_BYTES = "characters from U+0080 to U+00FF are two bytes each in UTF-8";

/** 0x1603, or pairs of digits between blanks or colons. Services seldom want such a text, but may answer with one. */
const HEXADECIMAL = /^\s*(?:0x(?:[\da-f]{2})+|(?:[\da-f]{2}[ :]){3,}[\da-f]{2})\s*$/i;

/** Escapes that are common in bytes and not in words: \x16, \0, \u0000, and a line end at the end. */
const BACKSLASHES = /\\x[\da-fA-F]{2}|\\u[\da-fA-F]{4}|\\0|\\r\\n|\\n$/;

/** In a regular expression: \x80 to \xff, or \u0080 to \u00ff. */
const HIGH_ESCAPE = /(?<!\\)(?:\\\\)*\\(?:x|u00)[89a-fA-F][\da-fA-F]/;

/** Latin letters, at least one of them ASCII, without ÿ, which is the byte 255 more often than a letter. */
const WORD = /[A-Za-zÀ-ÖØ-öø-þ]*[A-Za-z][A-Za-zÀ-ÖØ-öø-þ]*/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for control characters
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

const HIGH = /[\u0080-\u00ff]/;

/** True for characters from U+0080 to U+00FF that are no part of a word, or beside control characters. */
const isBinary = (text: string): boolean => HIGH.test(CONTROL.test(text) ? text : text.replaceAll(WORD, ""));
