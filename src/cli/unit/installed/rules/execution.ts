// Finds programs that the installed unit keeps the daemon and its checks from running, and system calls that it denies.

import { readFileSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { listFirstTwo } from "../../../../text/list.ts";
import { readWords } from "../../quote.ts";
import { FORBIDDEN_WITHOUT_SCRIPTS, type Place, PROGRAM } from "../../sandbox.ts";
import { type Rule, scriptsOf } from "../difference.ts";
import type { Value } from "../unit-file.ts";
import { describeValues, innermost, pathsOf, settingOf, wordsOf } from "../values.ts";

/** systemd's groups of system calls that the daemon needs. */
const NEEDED_CALLS = [
  "@default",
  "@basic-io",
  "@file-system",
  "@io-event",
  "@ipc",
  "@network-io",
  "@process",
  "@signal",
];
/** Groups that include all of them. */
const ALL_CALLS = ["@system-service", "@known"];

const calls: Rule = (unit, { needs }) => {
  const directive = "SystemCallFilter";
  const values = unit.values(directive);
  const [first] = values;
  if (first === undefined) return [];
  const words = wordsOf(unit, directive);
  // Whether a list of single calls is enough, only systemd knows.
  if (!first.text.startsWith("~") && words.every((word) => /^~?@/.test(word) && !ALL_CALLS.includes(word))) {
    return [
      { directive, needed: "@system-service", installed: describeValues(unit, directive), by: "the daemon itself" },
    ];
  }
  const denied = (groups: readonly string[]) => groups.filter((group) => isDenied(values, group));
  const difference = (groups: readonly string[], by: string) =>
    groups.length === 0
      ? []
      : [{ directive, needed: `none of ${groups.join(" ")}`, installed: `~${groups.join(" ")}`, by }];
  return [
    ...difference(denied([...NEEDED_CALLS, ...ALL_CALLS]), "the daemon itself"),
    ...(needs.scripts.length === 0
      ? []
      : difference(denied(FORBIDDEN_WITHOUT_SCRIPTS), listFirstTwo(scriptsOf(needs)))),
  ];
};

/** The last value that names the group decides. */
const isDenied = (values: readonly Value[], group: string): boolean =>
  values.findLast(({ text }) => readWords(text.replace(/^~/, "")).includes(group))?.text.startsWith("~") === true;

/** Directives that a unit for scripts must not have, or must have. */
const callsOfScripts: Rule = (unit, { needs }) => {
  if (needs.scripts.length === 0) return [];
  const by = listFirstTwo(scriptsOf(needs));
  const architectures = settingOf(unit, "SystemCallArchitectures");
  const isFiltered = unit.values("SystemCallFilter").length > 0;
  return [
    ...(architectures?.value === "native"
      ? [{ directive: "SystemCallArchitectures", needed: "none", installed: architectures.shown, by }]
      : []),
    // Without an error number a denied call kills the script, which could go on without it.
    ...(isFiltered && settingOf(unit, "SystemCallErrorNumber") === undefined
      ? [{ directive: "SystemCallErrorNumber", needed: "EPERM", installed: "none", by }]
      : []),
  ];
};

/** Paths that NoExecPaths= closes and ExecPaths= does not open. */
const executables: Rule = (unit, { needs }) => {
  const directive = "NoExecPaths";
  const [closed, open] = [pathsOf(unit, directive), pathsOf(unit, "ExecPaths")].map((paths) => paths.map(withoutLinks));
  if (!closed || !open || closed.length === 0) return [];
  const isClosed = ({ path }: Place) => {
    const real = withoutLinks(path);
    return (innermost(real, closed)?.length ?? 0) > (innermost(real, open)?.length ?? 0);
  };
  const ownProgram = needs.paths.filter(({ by }) => by === PROGRAM);
  const libraries = ownLibraries().filter(isClosed);
  const found = [
    ...ownProgram.filter(isClosed),
    ...libraries.map(({ path, by }) => ({ path: dirname(path), by })),
    ...needs.programs.filter(isClosed),
  ];
  if (found.length === 0) return [];
  return [
    {
      directive,
      needed: `ExecPaths= with ${listFirstTwo([...new Set(found.map(({ path }) => path))])}`,
      installed: describeValues(unit, directive),
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

export const EXECUTION_RULES: readonly Rule[] = [calls, callsOfScripts, executables];
