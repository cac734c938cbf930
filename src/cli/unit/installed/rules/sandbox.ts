// Finds directives of the installed unit's sandbox that are stricter than the options need: paths that it hides or makes
// read-only, a low port, address families. A directive that could be stricter is no difference.

import { isUnder } from "../../../../fs/mounts.ts";
import { listFirstTwo } from "../../../../text/list.ts";
import { readWords } from "../../quote.ts";
import { FAMILIES, type Place, placesIn, RELAXATIONS, type Relaxation } from "../../sandbox.ts";
import { describePlace, type Rule, scriptsOf } from "../difference.ts";
import {
  allows,
  describeValue,
  describeValues,
  innermost,
  isBound,
  isYes,
  pathsOf,
  settingOf,
  wordsOf,
} from "../values.ts";

function relaxation(directive: string, { loose, enough, folders, forScripts, forProcesses }: Relaxation): Rule {
  return (unit, { needs }) => {
    const found = settingOf(unit, directive);
    if (found === undefined || enough.includes(found.value)) return [];
    // systemd mounts nothing into a folder that it makes inaccessible.
    const isHidden = ({ path }: Place) =>
      (directive === "ProtectHome" && found.value === "yes") || !isBound(unit, path);
    const by = [
      ...placesIn(needs, folders).filter(isHidden).map(describePlace),
      ...(forScripts === undefined ? [] : scriptsOf(needs)),
      ...(forProcesses === undefined ? [] : needs.processes.map((check) => `the processes of ${check}`)),
    ];
    return by.length === 0 ? [] : [{ directive, needed: loose, installed: found.shown, by: listFirstTwo(by) }];
  };
}

/** Paths that a unit may hide beyond what the printed one does. */
function hiddenPaths(directive: string): Rule {
  return (unit, { needs }) =>
    unit.values(directive).flatMap((value) =>
      readWords(value.text).flatMap((word) => {
        const [path = ""] = word.replace(/^[-+]+/, "").split(":");
        const places = [...needs.paths, ...needs.programs];
        const seen =
          directive === "TemporaryFileSystem" ? places.filter((place) => !isBound(unit, place.path)) : places;
        const hidden = seen.filter((place) => isUnder(place.path, path));
        if (hidden.length === 0) return [];
        const installed = describeValue(unit, { ...value, text: path });
        return [{ directive, needed: `none of ${path}`, installed, by: listFirstTwo(hidden.map(describePlace)) }];
      }),
    );
}

const STRICT_FREE = ["/dev", "/proc", "/sys"];
const SYSTEM_FOLDERS = ["/usr", "/boot", "/efi"];

/** Folders that systemd makes for the service, which it may write to. */
const OWN_FOLDERS: Readonly<Record<string, string>> = {
  RuntimeDirectory: "/run",
  StateDirectory: "/var/lib",
  CacheDirectory: "/var/cache",
  LogsDirectory: "/var/log",
};

const writes: Rule = (unit, { needs }) => {
  const system = settingOf(unit, "ProtectSystem")?.value ?? "no";
  const home = settingOf(unit, "ProtectHome")?.value ?? "no";
  const isProtected = (path: string) => {
    const under = (folders: readonly string[]) => folders.some((folder) => isUnder(path, folder));
    if (home === "read-only" && under(RELAXATIONS.ProtectHome.folders)) return true;
    if (system === "strict") return !under(STRICT_FREE);
    return (system === "yes" && under(SYSTEM_FOLDERS)) || (system === "full" && under([...SYSTEM_FOLDERS, "/etc"]));
  };
  const open = [
    ...pathsOf(unit, "ReadWritePaths"),
    ...pathsOf(unit, "BindPaths").map((entry) => entry.split(":")[1] ?? entry),
    ...Object.entries(OWN_FOLDERS).flatMap(([directive, parent]) =>
      wordsOf(unit, directive).map((word) => `${parent}/${word.split(":")[0]}`),
    ),
  ];
  const isReadOnly = (path: string) => {
    const closed = innermost(path, pathsOf(unit, "ReadOnlyPaths")) ?? (isProtected(path) ? "" : undefined);
    return closed !== undefined && (innermost(path, open)?.length ?? -1) < closed.length;
  };
  return needs.writes
    .filter(({ path }) => isReadOnly(path))
    .map(({ path, by }) => ({
      directive: "ReadWritePaths",
      needed: path,
      installed: describeValues(unit, "ReadWritePaths"),
      by,
    }));
};

const LOW_PORT = "CAP_NET_BIND_SERVICE";

const lowPorts: Rule = (unit, { needs }) => {
  if (needs.lowPorts.length === 0) return [];
  const by = `the privileged port of ${listFirstTwo(needs.lowPorts)}`;
  const texts = (directive: string) => unit.values(directive).map(({ text }) => text);
  const lacks = (directive: string) => [
    { directive, needed: LOW_PORT, installed: describeValues(unit, directive), by },
  ];
  const bounding = texts("CapabilityBoundingSet");
  const isBounded = unit.isSet("CapabilityBoundingSet") && (bounding.length === 0 || !allows(bounding, LOW_PORT));
  const user = settingOf(unit, "User")?.value ?? (isYes(unit, "DynamicUser") ? "dynamic" : "root");
  const ambient = texts("AmbientCapabilities");
  const hasRight = user === "root" || (ambient.length > 0 && allows(ambient, LOW_PORT));
  return [...(isBounded ? lacks("CapabilityBoundingSet") : []), ...(hasRight ? [] : lacks("AmbientCapabilities"))];
};

const families: Rule = (unit) => {
  const directive = "RestrictAddressFamilies";
  const values = unit.values(directive).map(({ text }) => text);
  const lacking = values.length === 0 ? [] : FAMILIES.filter((family) => !allows(values, family));
  if (lacking.length === 0) return [];
  return [
    { directive, needed: lacking.join(" "), installed: describeValues(unit, directive), by: "the daemon itself" },
  ];
};

export const SANDBOX_RULES: readonly Rule[] = [
  ...Object.entries(RELAXATIONS).map(([directive, one]) => relaxation(directive, one)),
  writes,
  hiddenPaths("InaccessiblePaths"),
  hiddenPaths("TemporaryFileSystem"),
  lowPorts,
  families,
];
