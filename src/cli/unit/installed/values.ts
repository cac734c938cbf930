// Reads the values of directives: yes or no, a list, an amount, a time.

import { isUnder } from "../../../fs/mounts.ts";
import { readWords } from "../quote.ts";
import type { InstalledUnit, Value } from "./unit-file.ts";

/** The value, with the drop-in that sets it, if one does. */
export const describeValue = (unit: InstalledUnit, { text, file }: Value): string =>
  file === unit.file ? text : `${text} (in ${file})`;

const TRUE = /^(1|yes|y|true|t|on)$/i;
const FALSE = /^(0|no|n|false|f|off)$/i;

/** systemd takes several words for yes and no. */
const normalized = (text: string): string => text.replace(TRUE, "yes").replace(FALSE, "no");

export const isYes = (unit: InstalledUnit, directive: string): boolean =>
  normalized(unit.values(directive).at(-1)?.text ?? "no") === "yes";

/** What DynamicUser=yes implies for directives that are not set; PrivateTmp= it sets in any case. */
const IMPLIED: Readonly<Record<string, string>> = {
  ProtectSystem: "strict",
  ProtectHome: "read-only",
  PrivateTmp: "yes",
};

/** The value that counts: with yes and no normalized, as written, and for a message. For a directive of one value. */
export function settingOf(
  unit: InstalledUnit,
  directive: string,
): { readonly value: string; readonly text: string; readonly shown: string } | undefined {
  const last = unit.values(directive).at(-1);
  const implied = isYes(unit, "DynamicUser") ? IMPLIED[directive] : undefined;
  if (implied !== undefined && (last === undefined || directive === "PrivateTmp")) {
    return { value: implied, text: implied, shown: `${implied} (by DynamicUser=yes)` };
  }
  return last && { value: normalized(last.text), text: last.text, shown: describeValue(unit, last) };
}

/** All words of a list. */
export const wordsOf = (unit: InstalledUnit, directive: string): readonly string[] =>
  unit.values(directive).flatMap(({ text }) => readWords(text));

/** The paths of a list, without the prefixes that systemd knows. */
export const pathsOf = (unit: InstalledUnit, directive: string): readonly string[] =>
  wordsOf(unit, directive).map((word) => word.replace(/^[-+]+/, ""));

/** Whether a bind mount makes the path visible in a hidden folder. */
export function isBound(unit: InstalledUnit, path: string): boolean {
  const entries = [...pathsOf(unit, "BindPaths"), ...pathsOf(unit, "BindReadOnlyPaths")];
  return entries.some((entry) => {
    const [source = "", target = source] = entry.split(":");
    return isUnder(path, target);
  });
}

/** The innermost of the folders that contain `path`: systemd mounts it last, so it counts. */
export const innermost = (path: string, folders: readonly string[]): string | undefined =>
  folders
    .filter((folder) => isUnder(path, folder))
    .reduce<string | undefined>(
      (most, one) => (most !== undefined && most.length >= one.length ? most : one),
      undefined,
    );

/** All values on one line. */
export function describeValues(unit: InstalledUnit, directive: string): string {
  const values = unit.values(directive);
  if (values.length === 0) return "none";
  return values.map((value) => describeValue(unit, value)).join(", ");
}

/**
 * Whether a list allows `word`. The list names what is allowed, or after a ~ what is denied: its first value decides
 * which, and later values add names or remove them.
 */
export function allows(values: readonly string[], word: string): boolean {
  let isDenyList: boolean | undefined;
  let names = false;
  for (const text of values) {
    const inverted = text.startsWith("~");
    isDenyList ??= inverted;
    if (readWords(text.replace(/^~/, "")).includes(word)) names = inverted === isDenyList;
  }
  return isDenyList === undefined || names !== isDenyList;
}

const UNITS = ["", "K", "M", "G", "T", "P"];

/** Undefined for a percentage of the host's memory, and for any text that is no amount. */
export function amountOf(text: string): number | undefined {
  if (text === "infinity") return Number.POSITIVE_INFINITY;
  const [, count, unit = ""] = /^(\d+(?:\.\d+)?)([KMGTP]?)$/i.exec(text) ?? [];
  return count === undefined ? undefined : Number(count) * 1024 ** UNITS.indexOf(unit.toUpperCase());
}

const SECONDS: Readonly<Record<string, number>> = { us: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

const SPAN = /(\d+(?:\.\d+)?)\s*([a-z]*)/g;

/** By systemd.time(7): "90", "1min 30s"; undefined for any other text. */
export function secondsOf(text: string): number | undefined {
  if (text === "infinity" || text === "0") return Number.POSITIVE_INFINITY;
  if (text === "" || text.replaceAll(SPAN, "").trim() !== "") return undefined;
  let total = 0;
  for (const [, count, name = ""] of text.matchAll(SPAN)) {
    const unit = /^(us|ms)/.exec(name)?.[0] ?? (name === "" ? "s" : name.charAt(0));
    const factor = SECONDS[unit];
    if (factor === undefined) return undefined;
    total += Number(count) * factor;
  }
  return total;
}
