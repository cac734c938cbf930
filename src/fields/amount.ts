// How much of something must be left: a percentage of the whole, or a number.

import { parseSize } from "../text/size.ts";
import type { Field } from "./field.ts";

export type Amount =
  | { readonly text: string; readonly percent: number }
  /** A number of bytes or of inodes. */
  | { readonly text: string; readonly count: number };

const SIZE_FORMS = 'a size such as 500MB or 2GiB, or a percentage such as "10%"';
const COUNT_FORMS = 'a whole number, or a percentage such as "10%"';

/** A number of bytes, with a unit. */
export const size = amount("size or percentage", SIZE_FORMS, ["10%", "500MB", "2GiB"], (given) => {
  if (/^\d+(\.\d+)?$/.test(given)) return { hint: `add a unit: ${given}GB, ${given}GiB or ${given}%` };
  return parseSize(given);
});

/** A number of things, without a unit. */
export const count = amount("number or percentage", COUNT_FORMS, ["5%", 10000], (given) =>
  /^\d{1,15}$/.test(given) ? Number(given) : undefined,
);

function amount(
  title: string,
  expected: string,
  examples: readonly (string | number)[],
  parse: (text: string) => number | undefined | { readonly hint: string },
): Field<Amount> {
  return {
    expected,
    json: { title, type: ["string", "integer"], examples },
    read(given) {
      if (typeof given !== "string" && typeof given !== "number") return {};
      const text = String(given);
      const [, part] = /^(\d{1,3}(?:\.\d{1,9})?) ?%$/.exec(text) ?? [];
      if (part !== undefined) {
        const percent = Number(part);
        return percent > 0 && percent <= 100
          ? { value: { text, percent } }
          : { expected: "a percentage above 0% and up to 100%" };
      }
      const counted = parse(text);
      if (typeof counted === "object") return counted;
      if (counted === undefined) return {};
      return counted > 0 ? { value: { text, count: counted } } : { expected: "more than zero" };
    },
  };
}
