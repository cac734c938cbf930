// The text of an HTML page, for a message of one line: its title, else all its words. Without this a message would end in
// the last line of an error page, `</html>`.

const IS_HTML =
  /^\s*(?:<\?xml[^>]*>\s*)?(?:<!--[\s\S]*?-->\s*)*<(?:!doctype html|html|head|body|title|meta|h[1-6]|p|div|center)\b|<\/html\s*>\s*$/i;

/** Invisible parts. The last one may be cut off before its end. */
const HIDDEN = /<!--[\s\S]*?(?:-->|$)|<(script|style|svg|noscript)\b[\s\S]*?(?:<\/\1\s*>|$)/gi;
const TITLE = /<title\b[^>]*>([^<]*)/i;
const TAG = /<[^>]*(?:>|$)/g;
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp|ndash|mdash|hellip));/gi;

const NAMED: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  ndash: "–",
  mdash: "—",
  hellip: "…",
};

const HAS_WORDS = /[\p{L}\p{N}]/u;

/** Undefined if the text is not HTML, empty if it has no words. One line of any length. */
export function wordsOfHtml(text: string): string | undefined {
  if (!IS_HTML.test(text)) return undefined;
  const visible = text.replace(HIDDEN, " ");
  const title = plain(TITLE.exec(visible)?.[1] ?? "");
  if (HAS_WORDS.test(title)) return title;
  const words = plain(visible.replace(TAG, " "));
  return HAS_WORDS.test(words) ? words : "";
}

const plain = (text: string): string => text.replace(ENTITY, decode).replace(/\s+/g, " ").trim();

function decode(entity: string, decimal?: string, hex?: string, name?: string): string {
  if (name !== undefined) return NAMED[name.toLowerCase()] ?? entity;
  const code = decimal === undefined ? Number.parseInt(hex ?? "", 16) : Number(decimal);
  // Codes of control characters, of surrogates and beyond Unicode are not decoded.
  return code < 32 || (code >= 127 && code < 160) || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff
    ? entity
    : String.fromCodePoint(code);
}
