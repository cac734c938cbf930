// A check that is given twice is allowed, but probably a mistake. Two checks are the same if their kind, target and
// all settings are equal.

import type { CheckConfig } from "../../checks/build.ts";
import { redactorOf } from "../../checks/redact.ts";
import { listFirstTwo } from "../../text/list.ts";
import { cutLong, inQuotes, withoutCredentials } from "../../text/printable.ts";
import { COMMON_NAMES, type CommonValues } from "../common-keys.ts";
import type { ConfigFile } from "../file.ts";
import { formatPath, type Path } from "../problem.ts";

/** Where a check comes from: `path` in the config file, `typed` on the command line. */
export interface Origin {
  readonly path?: Path;
  readonly typed?: { readonly option: string; readonly text: string };
  readonly common: CommonValues;
}

/** A warning for each check that was given more than once. `origins` are those of `checks`, in the same order. */
export function findDuplicates(
  checks: readonly CheckConfig[],
  origins: readonly Origin[],
  source: ConfigFile | undefined,
): readonly string[] {
  const groups = new Map<string, { readonly meaning: unknown; readonly indexes: number[] }[]>();
  for (const [index, check] of checks.entries()) {
    const meaning = meaningOf(check, origins[index]?.common.name);
    // Equal checks have equal JSON; but JSON omits some values, such as regular expressions.
    const key = JSON.stringify(meaning);
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    const same = group.find((other) => Bun.deepEquals(other.meaning, meaning, true));
    if (same) same.indexes.push(index);
    else group.push({ meaning, indexes: [index] });
  }
  return [...groups.values()]
    .flat()
    .filter(({ indexes }) => indexes.length > 1)
    .map(({ indexes: [first = 0, ...more] }) => {
      const times = more.length === 1 ? "twice" : `${more.length + 1} times`;
      const also = listFirstTwo(more.map((index) => showOrigin(origins[index], checks[index])));
      const warning = `warning: the same check is given ${times} (also ${also})`;
      const path = origins[first]?.path;
      return path && source ? source.remark(path, warning) : `${showOrigin(origins[first], checks[first])}: ${warning}`;
    });
}

/** `checks[2]`, or the option with its value, without secrets. */
export function showOrigin(origin: Origin | undefined, check: CheckConfig | undefined): string {
  if (origin?.path) return formatPath(origin.path);
  const { option, text } = origin?.typed ?? { option: "", text: "" };
  const shown = redactorOf(check?.secrets ?? [], check?.kind.secrets?.(check.settings))?.(text) ?? text;
  return `--${option} ${/^[\w.:/[\]-]+$/.test(shown) ? shown : inQuotes(cutLong(withoutCredentials(shown)))}`;
}

/** All that changes what the check does. A given name does so only if the kind uses the name. */
const meaningOf = (check: CheckConfig, givenName: string | undefined) => ({
  ...check,
  kind: check.kind.name,
  name: check.kind.usesName ? givenName : undefined,
  settings: settingsOf(check),
  secrets: undefined,
});

/**
 * The keys of the kind; the `CheckConfig` itself has the others, with defaults filled in. A key that is off is left
 * out, since a check of the command line does not have it.
 */
function settingsOf({ settings }: CheckConfig): Readonly<Record<string, unknown>> {
  const isSetting = ([key, value]: [string, unknown]) =>
    !COMMON_NAMES.has(key) && value !== undefined && value !== false;
  return Object.fromEntries(
    Object.entries(settings as object)
      .filter(isSetting)
      .map(([key, value]) => [key, withoutSpelling(value)]),
  );
}

/** The quoting of a command, or the spelling of a URL, makes no difference. */
function withoutSpelling(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if ("argv" in value) return value.argv;
  return "shown" in value ? { ...value, shown: undefined } : value;
}
