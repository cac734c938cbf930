// A text to send, or to expect of an answer, is sent and compared as UTF-8. What looks like bytes is not.

/** `written` is the text, or a regular expression between slashes; `key` is the one for bytes. Undefined where all is well. */
export function lintBytes(written: string, key: string): string | undefined {
  const [, source] = /^\/(.+)\/[a-z]*$/s.exec(written) ?? [];
  if (source === undefined && BACKSLASHES.test(written)) {
    return `a backslash is a plain character here; in double quotes YAML makes a line end of \\n, and bytes are written in hexadecimal under ${key}`;
  }
  if (key === "send-hex" && HEXADECIMAL.test(written)) {
    return `it is sent as a text, digits and all; bytes are written in hexadecimal under ${key}`;
  }
  const high = source === undefined ? isBinary(written) : isBinary(source) || HIGH_ESCAPE.test(source);
  return high ? `${TWO_BYTES}; bytes are written in hexadecimal under ${key}` : undefined;
}

/** Of the body of a request, which has no way to say bytes. */
export const lintBody = (written: string): string | undefined =>
  isBinary(written) ? `${TWO_BYTES}; a body is a text` : undefined;

const TWO_BYTES = "characters from U+0080 to U+00FF are two bytes each in UTF-8";

/** As 0x1603, or pairs with blanks or colons between them; that a service wants such a text is rare, and that it answers so is not. */
const HEXADECIMAL = /^\s*(?:0x(?:[\da-f]{2})+|(?:[\da-f]{2}[ :]){3,}[\da-f]{2})\s*$/i;

/** Escapes that are common in what is sent, and in no words: \x16, \0, \u0000, and a line end at the end. */
const BACKSLASHES = /\\x[\da-fA-F]{2}|\\u[\da-fA-F]{4}|\\0|\\r\\n|\\n$/;

/** In a regular expression: \x80 to \xff, in either way of writing. */
const HIGH_ESCAPE = /(?<!\\)(?:\\\\)*\\(?:x|u00)[89a-fA-F][\da-fA-F]/;

/** Latin letters with an ASCII one among them; ÿ is the byte 255 more often than a letter. */
const WORD = /[A-Za-zÀ-ÖØ-öø-þ]*[A-Za-z][A-Za-zÀ-ÖØ-öø-þ]*/g;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

const HIGH = /[\u0080-\u00ff]/;

/** No word of a language with such letters is. */
const isBinary = (text: string): boolean => HIGH.test(CONTROL.test(text) ? text : text.replaceAll(WORD, ""));
