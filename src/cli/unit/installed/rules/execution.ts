// Finds files that the installed unit keeps the daemon and its checks from running, and system calls from making.

import { readFileSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { listFirstTwo } from "../../../../text/list.ts";
import { readWords } from "../../quote.ts";
import { FORBIDDEN_TO_ITSELF, type Place, PROGRAM } from "../../sandbox.ts";
import { type Rule, scriptsOf } from "../difference.ts";
import type { Value } from "../unit-file.ts";
import { deepest, listed, pathsOf, settingOf, wordsOf } from "../values.ts";

/** systemd's groups of system calls that the daemon needs; each of the last two holds all of them. */
const CALLS = ["@default", "@basic-io", "@file-system", "@io-event", "@ipc", "@network-io", "@process", "@signal"];
const ALL_CALLS = ["@system-service", "@known"];

const calls: Rule = (unit, { needs }) => {
  const directive = "SystemCallFilter";
  const values = unit.values(directive);
  const [first] = values;
  if (first === undefined) return [];
  const words = wordsOf(unit, directive);
  // Only systemd knows which groups a list of single calls makes up.
  if (!first.text.startsWith("~") && words.every((word) => /^~?@/.test(word) && !ALL_CALLS.includes(word))) {
    return [{ directive, needed: "@system-service", installed: listed(unit, directive), by: "the daemon itself" }];
  }
  const denied = (groups: readonly string[]) => groups.filter((group) => isDenied(values, group));
  const difference = (groups: readonly string[], by: string) =>
    groups.length === 0
      ? []
      : [{ directive, needed: `none of ${groups.join(" ")}`, installed: `~${groups.join(" ")}`, by }];
  return [
    ...difference(denied([...CALLS, ...ALL_CALLS]), "the daemon itself"),
    ...(needs.scripts.length === 0 ? [] : difference(denied(FORBIDDEN_TO_ITSELF), listFirstTwo(scriptsOf(needs)))),
  ];
};

/** The last value that names the group decides. */
const isDenied = (values: readonly Value[], group: string): boolean =>
  values.findLast(({ text }) => readWords(text.replace(/^~/, "")).includes(group))?.text.startsWith("~") === true;

/** What a unit with scripts leaves out, and one without has. */
const forScripts: Rule = (unit, { needs }) => {
  if (needs.scripts.length === 0) return [];
  const by = listFirstTwo(scriptsOf(needs));
  const architectures = settingOf(unit, "SystemCallArchitectures");
  const isFiltered = unit.values("SystemCallFilter").length > 0;
  return [
    ...(architectures?.value === "native"
      ? [{ directive: "SystemCallArchitectures", needed: "none", installed: architectures.shown, by }]
      : []),
    // A denied call would end the script, which could go on without it.
    ...(isFiltered && settingOf(unit, "SystemCallErrorNumber") === undefined
      ? [{ directive: "SystemCallErrorNumber", needed: "EPERM", installed: "none", by }]
      : []),
  ];
};

/** Paths that may not be run, and that ExecPaths= does not allow. */
const executables: Rule = (unit, { needs }) => {
  const directive = "NoExecPaths";
  const [closed, open] = [pathsOf(unit, directive), pathsOf(unit, "ExecPaths")].map((paths) => paths.map(withoutLinks));
  if (!closed || !open || closed.length === 0) return [];
  const isClosed = ({ path }: Place) => {
    const real = withoutLinks(path);
    return (deepest(real, closed)?.length ?? 0) > (deepest(real, open)?.length ?? 0);
  };
  const own = needs.paths.filter(({ by }) => by === PROGRAM);
  const libraries = ownLibraries().filter(isClosed);
  const found = [
    ...own.filter(isClosed),
    ...libraries.map(({ path, by }) => ({ path: dirname(path), by })),
    ...needs.programs.filter(isClosed),
  ];
  if (found.length === 0) return [];
  return [
    {
      directive,
      needed: `ExecPaths= with ${listFirstTwo([...new Set(found.map(({ path }) => path))])}`,
      installed: listed(unit, directive),
      by: listFirstTwo([...new Set(found.map(({ by }) => by))]),
    },
  ];
};

function withoutLinks(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The libraries that this program has loaded: the daemon is the same program. */
function ownLibraries(): readonly Place[] {
  const paths = readMaps().matchAll(/ r-xp .* (\/\S+\.so[.\d]*)$/gm);
  return [...new Set(Array.from(paths, ([, path = ""]) => path))].map((path) => ({ path, by: PROGRAM }));
}

function readMaps(): string {
  try {
    return readFileSync("/proc/self/maps", "utf8");
  } catch {
    return "";
  }
}

export const EXECUTION_RULES: readonly Rule[] = [calls, forScripts, executables];
