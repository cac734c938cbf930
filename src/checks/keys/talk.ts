// What the kinds that send and expect texts have in common: what may be sent, and
// how that what came is shown: bounded, printable, and without what was sent.

import { type Field, TEXT_OR_NUMBER } from "./fields.ts";

/** What is shown of an answer at most. */
const SHOWN_CHARACTERS = 200;

/** As build.ts has it: to hide what is shorter would hide all else. */
const SHORTEST_HIDDEN = 4;

/** Any text that is not empty, sent as UTF-8; zero bytes are as good as others here. */
export const words: Field<string> = {
  expected: "a text to send",
  json: { ...TEXT_OR_NUMBER, examples: ["ruok", "PING\r\n"] },
  read(given) {
    if (typeof given === "boolean" || given === null) return { hint: "in quotes it would be a text" };
    if (typeof given === "number") return { value: String(given) };
    return typeof given === "string" && given !== "" ? { value: given } : {};
  },
};

/** An answer for people. A peer that echoes what it was sent does not give it away. */
export function shown(answer: string, sent = ""): string {
  const hidden = [sent, ...sent.split(/[\r\n]+/)].map((line) => line.trim());
  hidden.sort((one, other) => other.length - one.length);
  let text = answer;
  for (const line of hidden) if (line.length >= SHORTEST_HIDDEN) text = text.replaceAll(line, "***");
  const characters = [...text.slice(0, 2 * SHOWN_CHARACTERS)];
  const cut = characters.length > SHOWN_CHARACTERS;
  const printable = characters.slice(0, SHOWN_CHARACTERS).map(printed).join("");
  return cut ? `${printable}…` : printable;
}

const NAMED: Readonly<Record<string, string>> = { "\r": "\\r", "\n": "\\n", "\t": "\\t" };

/** Controls, marks that turn the direction of writing and the like, as a YAML text in double quotes has them. */
function printed(character: string): string {
  if (!/^[\p{C}\p{Zl}\p{Zp}]$/u.test(character)) return character;
  const hex = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  const escaped = hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u${hex.padStart(4, "0")}`;
  return NAMED[character] ?? (hex.length <= 4 ? escaped : `\\U${hex.padStart(8, "0")}`);
}
