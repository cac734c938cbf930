// Finds characters that are invisible or look like others, as in text from web pages and word processors.

const INVISIBLE = String.raw`(?! )\p{Zs}|[\p{Cf}\p{Zl}\p{Zp}\u034f\u115f\u1160\u2800\u3164\uffa0]`;

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/\u00a0/, "a no-break space"],
  [/\u00ad/, "a soft hyphen"],
  [/\u200b/, "a zero width space"],
  [/\u200c/, "a zero width non-joiner"],
  [/\u200d/, "a zero width joiner"],
  [/\u2060/, "a word joiner"],
  [/\ufeff/, "a byte order mark"],
  [/\p{Zs}/u, "a space of another width"],
  [/[\u2018-\u201f\u00ab\u00bb\u2032\u2033]/, "a typographic quotation mark"],
  [/[\u2010-\u2015\u2212\ufe58\ufe63]/, "a typographic dash"],
  [/[\uff01-\uff5e]/, "a full-width character"],
  [/\p{sc=Cyrillic}/u, "a Cyrillic letter"],
  [/\p{sc=Greek}/u, "a Greek letter"],
];

const LOOK_ALIKE = String.raw`[\u2018-\u201f\u00ab\u00bb\u2032\u2033\u2010-\u2015\u2212\ufe58\ufe63\uff01-\uff5e]`;

/** Such letters are odd only next to a Latin letter. */
const FOREIGN_LETTER = String.raw`(?<=[a-z])[\p{sc=Cyrillic}\p{sc=Greek}]|[\p{sc=Cyrillic}\p{sc=Greek}](?=[a-z])`;

/** To compile such an expression takes half a millisecond, so it is compiled only for texts that are not ASCII. */
function find(text: string, flags: string, ...patterns: readonly string[]): readonly string[] {
  return isAscii(text) ? [] : (text.match(new RegExp(patterns.join("|"), flags)) ?? []);
}

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/** Emojis and some writing systems need these. */
const ORDINARY = /\u200c|\u200d|[\u{e0020}-\u{e007f}]/gu;

/** As in JSON: `\u00a0`. */
export const escapeCharacter = (character: string): string =>
  character.replaceAll(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

export const escapeInvisible = (text: string): string =>
  isAscii(text) ? text : text.replaceAll(new RegExp(INVISIBLE, "gu"), escapeCharacter);

/** For an invalid text: `it holds a no-break space, \u00a0`. Undefined if it has no odd characters. */
export const describeOddCharacters = (text: string): string | undefined =>
  describe(find(text, "giu", INVISIBLE, LOOK_ALIKE, FOREIGN_LETTER));

/**
 * The same for a text that is accepted. Characters that look like others are reported only in a text for machines (a
 * command, a path, the name of a program), except quotation marks around the whole text.
 */
export const describePastedCharacters = (text: string, isForMachines: boolean): string | undefined => {
  const seen = text.replaceAll(ORDINARY, "");
  const marks = ENCLOSED.exec(seen)?.slice(1) ?? [];
  const sorts = isForMachines ? [LOOK_ALIKE] : [];
  const letters = isForMachines ? find(seen, "giu", FOREIGN_LETTER) : [];
  return describe([...find(seen, "gu", INVISIBLE, ...sorts), ...marks, ...letters]);
};

const ENCLOSED = /^([\u2018-\u201f\u00ab\u00bb])[^\u2018-\u201f\u00ab\u00bb]*([\u2018-\u201f\u00ab\u00bb])$/;

function describe(characters: readonly string[]): string | undefined {
  const byName = new Map<string, string[]>();
  for (const character of new Set(characters)) {
    const name = NAMES.find(([one]) => one.test(character))?.[1] ?? "an invisible character";
    byName.set(name, [...(byName.get(name) ?? []), escapeCharacter(character)]);
  }
  if (byName.size === 0) return undefined;
  return `it holds ${[...byName].map(([name, escaped]) => `${name}, ${escaped.slice(0, MOST_SHOWN).join(" ")}`).join("; ")}`;
}

const MOST_SHOWN = 3;
