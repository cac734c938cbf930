// Why the host is drained or in maintenance, in the operator's words. The command line and the control socket take the same.

import type { Field } from "../fields/field.ts";
import { onOneLine } from "../text/printable.ts";

/** In characters. */
export const LONGEST_REASON = 200;

/** The log, `status` and the answers to HAProxy show it: one line, without control characters for a terminal. */
export const reason: Field<string> = {
  expected: `a text on one line, of at most ${LONGEST_REASON} characters`,
  json: { type: "string", minLength: 1, maxLength: LONGEST_REASON },
  read(given) {
    if (typeof given !== "string" || given.trim() === "") return {};
    const length = [...given].length;
    if (length > LONGEST_REASON) return { hint: `it has ${length}` };
    if (!given.isWellFormed() || onOneLine(given) !== given)
      return { hint: "it holds a character that cannot be shown on one line" };
    return { value: given };
  },
};

export function cutReason(text: string): string {
  const characters = [...text];
  return characters.length > LONGEST_REASON ? `${characters.slice(0, LONGEST_REASON).join("")}…` : text;
}
