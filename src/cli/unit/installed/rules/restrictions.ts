// Finds directives with a value that blocks something that the options need. The printed unit does not set these
// directives.

import { listFirstTwo } from "../../../../text/list.ts";
import type { Needs } from "../../sandbox.ts";
import { describePlace, type Rule, scriptsOf } from "../difference.ts";
import type { InstalledUnit } from "../unit-file.ts";
import { pathsOf, settingOf } from "../values.ts";

interface Restriction {
  readonly directive: string;
  /** Values that keep nothing from working, like a directive that is not set. */
  readonly harmless: readonly string[];
  readonly needed: string;
  /** What needs it; undefined where nothing does. */
  readonly by: (needs: Needs, unit: InstalledUnit) => string | undefined;
}

const firstOf = (names: readonly string[]): string | undefined => (names.length > 0 ? listFirstTwo(names) : undefined);

/** Files of /proc that are about the host and not about a process. */
const HOST_FILE = /^\/proc\/(?!\d|self\/|thread-self\/)/;

const lowPortsOf = ({ lowPorts }: Needs): string | undefined => {
  const names = firstOf(lowPorts);
  return names && `the privileged port of ${names}`;
};

const RESTRICTIONS: readonly Restriction[] = [
  {
    directive: "MemoryDenyWriteExecute",
    harmless: ["no"],
    needed: "no",
    by: () => "the runtime, which otherwise cannot report that it is ready",
  },
  { directive: "RootDirectory", harmless: ["/"], needed: "none", by: () => "the files that the options name" },
  { directive: "RootImage", harmless: [], needed: "none", by: () => "the files that the options name" },
  {
    directive: "ProcSubset",
    harmless: ["all"],
    needed: "all",
    by: (needs) => {
      const places = needs.paths.filter(({ path }) => HOST_FILE.test(path));
      return firstOf([...places.map(describePlace), ...scriptsOf(needs)]);
    },
  },
  {
    // Scripts would see the files and processes of other users as owned by the user `nobody`.
    directive: "PrivateUsers",
    harmless: ["no"],
    needed: "no",
    by: (needs) => lowPortsOf(needs) ?? firstOf(scriptsOf(needs)),
  },
  {
    directive: "PrivatePIDs",
    harmless: ["no"],
    needed: "no",
    by: (needs) => firstOf([...scriptsOf(needs), ...needs.processes.map((check) => `the processes of ${check}`)]),
  },
  {
    directive: "DevicePolicy",
    harmless: ["auto"],
    needed: "auto",
    by: (needs) => firstOf(scriptsOf(needs)),
  },
  {
    directive: "DevicePolicy",
    harmless: ["auto", "closed"],
    needed: "closed",
    by: ({ scripts }, unit) =>
      scripts.length > 0 || pathsOf(unit, "DeviceAllow").includes("/dev/null")
        ? undefined
        : "the daemon itself, which opens /dev/null",
  },
];

export const restrictions: Rule = (unit, { needs }) =>
  RESTRICTIONS.flatMap(({ directive, harmless, needed, by }) => {
    const found = settingOf(unit, directive);
    if (!found || harmless.includes(found.value)) return [];
    const neededBy = by(needs, unit);
    return neededBy === undefined ? [] : [{ directive, needed, installed: found.shown, by: neededBy }];
  });
