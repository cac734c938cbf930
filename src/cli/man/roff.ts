// Texts as roff with the macros of man(7). A text is plain; backticks enclose code, which is shown bold.

/** Lines of roff. */
export type Lines = readonly string[];

/** A longer line of source is a warning of mandoc. */
const COLUMNS = 76;

/** Characters that would mean something to roff, or that it would print as another one, such as a dash as a hyphen. */
const ESCAPES: Readonly<Record<string, string>> = {
  "\\": "\\e",
  "-": "\\-",
  "'": "\\(aq",
  '"': "\\(dq",
  "^": "\\(ha",
  "~": "\\(ti",
  "`": "\\(ga",
};

/** Text without code. */
export const escapeRoff = (text: string): string =>
  text
    .replaceAll(/[\\\-'"^~`]/g, (character) => ESCAPES[character] ?? character)
    .replaceAll(/[^\x20-\x7e]/gu, (character) => {
      const point = character.codePointAt(0) ?? 0;
      return `\\[u${point.toString(16).toUpperCase().padStart(4, "0")}]`;
    })
    // A dot at the start of a line begins a macro.
    .replaceAll(/(?<=^| )\./g, "\\&.");

export const bold = (text: string): string => `\\fB${escapeRoff(text)}\\fR`;

export const italic = (text: string): string => `\\fI${escapeRoff(text)}\\fR`;

/** Text with code. */
export const inline = (text: string): string =>
  text
    .split("`")
    .map((part, index) => (index % 2 === 0 ? escapeRoff(part) : bold(part)))
    .join("");

/** `roff` on lines of source, which the reader's terminal wraps again. */
export function fill(roff: string): Lines {
  const lines: string[] = [];
  for (const word of roff.split(" ").filter((word) => word !== "")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || longer.length > COLUMNS) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

export const section = (title: string, lines: Lines): Lines => [`.SH ${title}`, ...lines];

export const subsection = (title: string, lines: Lines): Lines => [`.SS ${escapeRoff(title)}`, ...lines];

export const paragraph = (text: string): Lines => [".PP", ...fill(inline(text))];

/** `tag` is roff; the text is indented below it. */
export const tagged = (tag: string, text: string): Lines => [".TP", tag, ...fill(inline(text))];

/** Words and their meanings. */
export const definitions = (entries: readonly (readonly [word: string, meaning: string])[]): Lines =>
  entries.flatMap(([word, meaning]) => tagged(bold(word), meaning));

/** The same without empty lines between them. */
export const compact = (lines: Lines): Lines => [".PD 0", ...lines, ".PD"];

/** Lines that are shown as they are. */
export const verbatim = (text: string): Lines => [
  ".PP",
  ".RS 4",
  ".nf",
  ...text.split("\n").map((line) => escapeRoff(line).replace(/^ +/, (blanks) => `\\&${blanks}`)),
  ".fi",
  ".RE",
];

export interface Head {
  /** "health-checker" */
  readonly name: string;
  readonly section: 1 | 5;
  /** "2026-11-28" */
  readonly date: string;
  readonly version: string;
}

/** A whole page. */
export function page({ name, section, date, version }: Head, lines: Lines): string {
  const title = escapeRoff(name.toUpperCase());
  const head = `.TH ${title} ${section} "${date}" "health\\-checker ${escapeRoff(version)}"`;
  // Left-adjusted and without hyphenation: option names stay whole.
  const all = [head, ".nh", ".ad l", ...lines].join("\n");
  // A heading begins a paragraph by itself.
  return `${all.replaceAll(/^(\.S[HS] .*)\n\.PP$/gm, "$1")}\n`;
}
