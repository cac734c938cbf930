// Words as a unit file takes them, by systemd.syntax(7) and systemd.service(5): what
// systemd reads back is the word itself, whatever it holds.

/** Needs no quotes: nothing in it means anything to systemd. */
const PLAIN = /^[\w./:=,@+-]+$/;

/** Controls, what turns the direction of writing, and what is no character: a line with one of the last is ignored whole. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cn}\p{Co}\p{Cs}]/gu;

/** A word of a list of paths: specifiers such as %n are not meant. */
export const quoteWord = (word: string): string => quote(word.replaceAll("%", "%%"));

/** An argument in ExecStart=, where variables such as $HOME are not meant either. */
export const quoteArgument = (word: string): string => quote(word.replaceAll("%", "%%").replaceAll("$", "$$$$"));

/** The program in ExecStart=, in which no variable is looked for; undefined where systemd would refuse it. */
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
