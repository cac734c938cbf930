// Quotes words for a unit file by systemd.syntax(7) and systemd.service(5), so that systemd reads back the same word,
// whatever it holds. Reads the words of any unit as systemd does.

/** A word without a character that is special to systemd. */
const PLAIN = /^[\w./:=,@+-]+$/;

/** Control characters, those that change the direction of writing, and non-characters. systemd ignores a line with a non-character. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}]/gu;

/** A word of a list of paths, in which systemd expands specifiers such as %n. */
export const quoteWord = (word: string): string => quote(word.replaceAll("%", "%%"));

/** An argument in ExecStart=, in which systemd expands variables such as $HOME, too. */
export const quoteArgument = (word: string): string => quote(word.replaceAll("%", "%%").replaceAll("$", "$$$$"));

/** The program in ExecStart=, in which systemd expands no variable; undefined where systemd would refuse it. */
export function quoteProgram(path: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return /["'\\\u0000-\u001f\u007f]/.test(path) ? undefined : quoteWord(path);
}

function quote(text: string): string {
  if (PLAIN.test(text)) return text;
  const escaped = text.replace(/[\\"]/g, "\\$&").replace(UNPRINTABLE, inBytes);
  return `"${escaped}"`;
}

/** \xHH is a byte of the word, so a character beyond ASCII is several. */
const inBytes = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");

/** A word ends at a blank that is neither quoted nor escaped; a quote that is not closed is a character of the word. */
const WORD = /(?:\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^ \t])+/gs;

const PIECE = /"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|((?:\\.|[^"'\\])+|.)/gs;

const ESCAPE = /\\(x[0-9a-f]{2}|[0-7]{3}|.)/gis;

const ESCAPES: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
  s: " ",
};

/** The words of a value. Specifiers such as %n stay as they are written, since only systemd knows their values. */
export const readWords = (value: string): readonly string[] => splitWords(value).map(readWord);

/** The arguments of a command line with a variable or a specifier, which only systemd can expand. */
export const unexpandedWords = (value: string): readonly string[] =>
  splitWords(value)
    .slice(1)
    .filter((word) => /\$[{\w]|%\w/.test(word.replaceAll(/\$\$|%%/g, "")))
    .map(readWord);

/** The words as they are written, one character for each byte, since an escape is a byte. */
const splitWords = (value: string): readonly string[] => Buffer.from(value).toString("latin1").match(WORD) ?? [];

function readWord(word: string): string {
  const read = word.replace(PIECE, (_, double?: string, single?: string, plain?: string) =>
    (double ?? single ?? plain ?? "").replace(ESCAPE, (_, code: string) => byteOf(code)),
  );
  return Buffer.from(read, "latin1").toString().replaceAll("%%", "%");
}

function byteOf(code: string): string {
  if (/^x../i.test(code)) return String.fromCharCode(Number.parseInt(code.slice(1), 16));
  if (/^[0-7]{3}$/.test(code)) return String.fromCharCode(Number.parseInt(code, 8) & 0xff);
  return ESCAPES[code] ?? code;
}

/** An argument of ExecStart=. Variables stay as they are written. */
export const readArgument = (word: string): string => word.replaceAll("$$", "$");
