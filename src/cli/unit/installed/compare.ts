// Finds the directives of an installed unit that are missing or too strict for what these options
// need. A directive that could be stricter, or that hides nothing needed, is no difference.

import { isUnder } from "../../../fs/mounts.ts";
import { listFirstTwo } from "../../../text/list.ts";
import { onOneLine } from "../../../text/printable.ts";
import { readWords } from "../quote.ts";
import {
  FAMILIES,
  type Needs,
  type Place,
  placesIn,
  RELAXATIONS,
  type Relaxation,
  RUNTIME_FOLDER,
} from "../sandbox.ts";
import { type Difference, describePlace, type Rule, scriptsOf } from "./difference.ts";
import { EXECUTION_RULES } from "./rules/execution.ts";
import { NETWORK_RULES } from "./rules/network.ts";
import { SERVICE_RULES } from "./rules/service.ts";
import type { InstalledUnit } from "./unit-file.ts";
import {
  allows,
  amountOf,
  deepest,
  describeValue,
  isBound,
  isYes,
  listed,
  pathsOf,
  settingOf,
  wordsOf,
} from "./values.ts";

export const compareUnit: Rule = (unit, wanted) => RULES.flatMap((rule) => rule(unit, wanted));

export const describeDifference = ({ directive, needed, installed, by }: Difference): string =>
  onOneLine(`${directive}=: needed ${needed}, installed ${installed}; for ${by}`);

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
    const closed = deepest(path, pathsOf(unit, "ReadOnlyPaths")) ?? (isProtected(path) ? "" : undefined);
    return closed !== undefined && (deepest(path, open)?.length ?? -1) < closed.length;
  };
  return needs.writes
    .filter(({ path }) => isReadOnly(path))
    .map(({ path, by }) => ({
      directive: "ReadWritePaths",
      needed: path,
      installed: listed(unit, "ReadWritePaths"),
      by,
    }));
};

const runtimeFolder: Rule = (unit, { needs }) => {
  const directive = "RuntimeDirectory";
  const name = RUNTIME_FOLDER.slice("/run/".length);
  const has = wordsOf(unit, directive).some((word) => word.split(":")[0] === name);
  if (has || needs.runtime.length === 0) return [];
  return [{ directive, needed: name, installed: listed(unit, directive), by: listFirstTwo(needs.runtime) }];
};

const LOW_PORT = "CAP_NET_BIND_SERVICE";

const lowPorts: Rule = (unit, { needs }) => {
  if (needs.lowPorts.length === 0) return [];
  const by = `the low port of ${listFirstTwo(needs.lowPorts)}`;
  const texts = (directive: string) => unit.values(directive).map(({ text }) => text);
  const lacks = (directive: string) => [{ directive, needed: LOW_PORT, installed: listed(unit, directive), by }];
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
  return [{ directive, needed: lacking.join(" "), installed: listed(unit, directive), by: "the daemon itself" }];
};

interface Condition {
  readonly directive: string;
  /** Values that keep nothing from working; nor does leaving the directive out. */
  readonly harmless: readonly string[];
  readonly needed: string;
  /** What needs it; undefined where nothing does. */
  readonly by: (needs: Needs, unit: InstalledUnit, value: string) => string | undefined;
}

const firstOf = (names: readonly string[]): string | undefined => (names.length > 0 ? listFirstTwo(names) : undefined);

/** Files of /proc that are not about a process. */
const OF_THE_HOST = /^\/proc\/(?!\d|self\/|thread-self\/)/;

const lowPortsOf = ({ lowPorts }: Needs): string | undefined => {
  const names = firstOf(lowPorts);
  return names && `the low port of ${names}`;
};

const CONDITIONS: readonly Condition[] = [
  {
    directive: "MemoryDenyWriteExecute",
    harmless: ["no"],
    needed: "no",
    by: () => "the runtime, which cannot report then that it is ready",
  },
  { directive: "RootDirectory", harmless: ["/"], needed: "none", by: () => "the files that the options name" },
  { directive: "RootImage", harmless: [], needed: "none", by: () => "the files that the options name" },
  {
    directive: "ProcSubset",
    harmless: ["all"],
    needed: "all",
    by: (needs) => {
      const places = needs.paths.filter(({ path }) => OF_THE_HOST.test(path));
      return firstOf([...places.map(describePlace), ...scriptsOf(needs)]);
    },
  },
  {
    // Scripts would see the files and processes of all other users as those of nobody.
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

const conditions: Rule = (unit, { needs }) =>
  CONDITIONS.flatMap(({ directive, harmless, needed, by }) => {
    const found = settingOf(unit, directive);
    if (!found || harmless.includes(found.value)) return [];
    const who = by(needs, unit, found.value);
    return who === undefined ? [] : [{ directive, needed, installed: found.shown, by: who }];
  });

const MIB = 1024 * 1024;

/** For the daemon's own process, which aborts with less than 300. */
const PROCESS_MIB = 512;

const limits: Rule = (unit, { limits: { tasks, descriptors, memoryMiB }, needs }) => {
  const by = needs.scripts.length === 0 ? "these checks" : `these checks and ${listFirstTwo(scriptsOf(needs))}`;
  const atLeast = (directive: string, needed: string, count: number) => {
    const found = settingOf(unit, directive);
    // In SOFT:HARD the second counts: the runtime raises its limit to that.
    const amount = found && amountOf(found.text.split(":").at(-1) ?? "");
    if (!found || amount === undefined || amount >= count) return [];
    return [{ directive, needed: `at least ${needed}`, installed: found.shown, by }];
  };
  const cpu = settingOf(unit, "LimitCPU");
  return [
    ...atLeast("TasksMax", String(tasks), tasks),
    ...atLeast("LimitNPROC", String(tasks), tasks),
    ...atLeast("LimitNOFILE", String(descriptors), descriptors),
    ...atLeast("MemoryMax", `${memoryMiB}M`, memoryMiB * MIB),
    // Above MemoryHigh= systemd only slows the service down.
    ...atLeast("MemoryHigh", `${memoryMiB / 2}M`, (memoryMiB / 2) * MIB),
    ...atLeast("LimitDATA", `${PROCESS_MIB}M`, PROCESS_MIB * MIB),
    ...atLeast("LimitAS", `${PROCESS_MIB}M`, PROCESS_MIB * MIB),
    ...(cpu === undefined || cpu.text === "infinity"
      ? []
      : [{ directive: "LimitCPU", needed: "infinity", installed: cpu.shown, by: "a daemon that runs for ever" }]),
  ];
};

const CREDENTIALS = ["LoadCredential", "LoadCredentialEncrypted", "SetCredential", "SetCredentialEncrypted"];

const secrets: Rule = (unit, { credentials, variables }) => {
  const loaded = new Set(
    CREDENTIALS.flatMap((directive) => unit.values(directive).map(({ text }) => text.split(":")[0])),
  );
  const imported = wordsOf(unit, "ImportCredential").map((pattern) => new Bun.Glob(pattern));
  const lacking = credentials.filter((name) => !loaded.has(name) && !imported.some((glob) => glob.match(name)));
  const named = [
    ...wordsOf(unit, "Environment").map((word) => word.split("=")[0]),
    ...wordsOf(unit, "PassEnvironment"),
  ];
  // The variables in an EnvironmentFile= are unknown here.
  const unset = unit.values("EnvironmentFile").length > 0 ? [] : variables.filter((name) => !named.includes(name));
  return [
    ...lacking.map((name) => ({
      directive: "LoadCredential",
      needed: name,
      installed: listed(unit, "LoadCredential"),
      by: "a secret of the config file",
    })),
    ...(unset.length === 0
      ? []
      : [
          {
            directive: "EnvironmentFile",
            needed: `one with ${listFirstTwo(unset)}`,
            installed: "none",
            by: "a secret of the config file",
          },
        ]),
  ];
};

const RULES: readonly Rule[] = [
  limits,
  ...SERVICE_RULES,
  runtimeFolder,
  secrets,
  ...Object.entries(RELAXATIONS).map(([directive, one]) => relaxation(directive, one)),
  writes,
  hiddenPaths("InaccessiblePaths"),
  hiddenPaths("TemporaryFileSystem"),
  lowPorts,
  families,
  ...EXECUTION_RULES,
  conditions,
  ...NETWORK_RULES,
];
