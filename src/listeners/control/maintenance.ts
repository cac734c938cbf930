// What a maintenance may be asked to be: the command line and the socket hold to the same.

import { LONGEST_REASON } from "../../drain/drain.ts";
import type { Field } from "../../fields/field.ts";
import { MAX_DURATION_MS } from "../../text/duration.ts";
import { onOneLine } from "../../text/printable.ts";
import { readObject } from "./json-object.ts";

/** Stands in the log, in `status` and in the answers to HAProxy: one line that steers no terminal. */
export const reason: Field<string> = {
  expected: `a text on one line, of at most ${LONGEST_REASON} characters`,
  json: { type: "string", minLength: 1, maxLength: LONGEST_REASON },
  read(given) {
    if (typeof given !== "string" || given.trim() === "") return {};
    const length = [...given].length;
    if (length > LONGEST_REASON) return { hint: `it has ${length}` };
    if (!given.isWellFormed() || onOneLine(given) !== given)
      return { hint: "it holds a character that is not for lines" };
    return { value: given };
  },
};

export interface MaintenanceOrder {
  readonly forMs: number;
  readonly reason: string | undefined;
}

/** From JSON: `{"forMs": 600000, "reason": "disk swap"}`, or what is wrong with it. */
export function readMaintenance(json: string): MaintenanceOrder | { readonly flaw: string } {
  const body = readObject(json);
  if ("flaw" in body) return body;
  const { forMs, reason: why, ...others } = body.object;
  const [other] = Object.keys(others);
  if (other !== undefined)
    return { flaw: `expected forMs and reason alone, got ${onOneLine(JSON.stringify(other), true)}` };
  if (typeof forMs !== "number" || !Number.isInteger(forMs) || forMs < 1 || forMs > MAX_DURATION_MS) {
    return { flaw: `forMs: expected a whole number from 1 to ${MAX_DURATION_MS}` };
  }
  if (why === undefined) return { forMs, reason: undefined };
  const read = reason.read(why);
  if ("value" in read) return { forMs, reason: read.value };
  return { flaw: `reason: expected ${reason.expected}${read.hint ? ` (${read.hint})` : ""}` };
}
