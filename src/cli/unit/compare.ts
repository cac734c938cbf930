// What an installed unit lacks, or has too strict, for what these options need: a difference
// for each directive. What is looser than it could be is none, nor is what hides nothing needed.

import { onOneLine } from "../../config/problem.ts";
import { isUnder } from "../../probing/files/mounts.ts";
import type { InstalledUnit } from "./installed.ts";
import type { Limits } from "./limits.ts";
import { readWords } from "./quote.ts";
import {
  FAMILIES,
  FORBIDDEN_TO_ITSELF,
  type Needs,
  type Place,
  placesIn,
  RELAXATIONS,
  type Relaxation,
  RUNTIME_FOLDER,
} from "./sandbox.ts";
import {
  allows,
  amountOf,
  describeValue,
  isBound,
  isYes,
  listed,
  pathsOf,
  secondsOf,
  settingOf,
  wordsOf,
} from "./values.ts";

export interface Difference {
  /** Without its equals sign. */
  readonly directive: string;
  readonly needed: string;
  /** "none" where it is not set. */
  readonly installed: string;
  /** Who needs it. */
  readonly by: string;
}

export interface Wanted {
  readonly needs: Needs;
  readonly limits: Limits;
  /** How long it may take to stop. */
  readonly stopSeconds: number;
  /** Names of credentials, and of variables of the environment, that the config file takes secrets from. */
  readonly credentials: readonly string[];
  readonly variables: readonly string[];
}

type Rule = (unit: InstalledUnit, wanted: Wanted) => readonly Difference[];

export const compareUnit: Rule = (unit, wanted) => RULES.flatMap((rule) => rule(unit, wanted));

export const describeDifference = ({ directive, needed, installed, by }: Difference): string =>
  onOneLine(`${directive}=: needed ${needed}, installed ${installed}; for ${by}`);

/** The checks that need it, the first two by their names. */
function listOf(names: readonly string[]): string {
  const [first = "", second, ...others] = names;
  if (second === undefined) return first;
  if (others.length === 0) return `${first} and ${second}`;
  return `${first}, ${second} and ${others.length} more`;
}

const describePlace = ({ path, by }: Place): string => `${path} (${by})`;

function relaxation(directive: string, { loose, enough, folders, forScripts, forProcesses }: Relaxation): Rule {
  return (unit, { needs }) => {
    const found = settingOf(unit, directive);
    if (found === undefined || enough.includes(found.value)) return [];
    // systemd mounts nothing into a folder that it makes inaccessible.
    const isHidden = ({ path }: Place) =>
      (directive === "ProtectHome" && found.value === "yes") || !isBound(unit, path);
    const by = [
      ...placesIn(needs, folders).filter(isHidden).map(describePlace),
      ...(forScripts === undefined ? [] : needs.scripts.map((check) => `the script of ${check}`)),
      ...(forProcesses === undefined ? [] : needs.processes.map((check) => `the processes of ${check}`)),
    ];
    return by.length === 0 ? [] : [{ directive, needed: loose, installed: found.shown, by: listOf(by) }];
  };
}

/** Paths that a unit may hide beyond what the printed one does. */
function hiddenPaths(directive: string): Rule {
  return (unit, { needs }) =>
    unit.values(directive).flatMap((value) =>
      readWords(value.text).flatMap((word) => {
        const [path = ""] = word.replace(/^[-+]+/, "").split(":");
        const seen =
          directive === "TemporaryFileSystem" ? needs.paths.filter((place) => !isBound(unit, place.path)) : needs.paths;
        const hidden = seen.filter((place) => isUnder(place.path, path));
        if (hidden.length === 0) return [];
        const installed = describeValue(unit, { ...value, text: path });
        return [{ directive, needed: `none of ${path}`, installed, by: listOf(hidden.map(describePlace)) }];
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
  const isReadOnly = (path: string) => {
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
  return needs.writes
    .filter(({ path }) => isReadOnly(path) && !open.some((folder) => isUnder(path, folder)))
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
  return [{ directive, needed: name, installed: listed(unit, directive), by: listOf(needs.runtime) }];
};

const LOW_PORT = "CAP_NET_BIND_SERVICE";

const lowPorts: Rule = (unit, { needs }) => {
  if (needs.lowPorts.length === 0) return [];
  const by = `the low port of ${listOf(needs.lowPorts)}`;
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

/** What the profile of scripts leaves out, and that of checks alone does not. */
const forScripts: Rule = (unit, { needs }) => {
  if (needs.scripts.length === 0) return [];
  const by = listOf(needs.scripts.map((check) => `the script of ${check}`));
  const architectures = settingOf(unit, "SystemCallArchitectures");
  const filter = unit.values("SystemCallFilter").map(({ text }) => text);
  // Of a list of what is allowed only systemd knows what its groups hold.
  const isDenyList = filter[0]?.startsWith("~") === true;
  const denied = isDenyList ? FORBIDDEN_TO_ITSELF.filter((group) => !allows(filter, group)) : [];
  return [
    ...(architectures?.value === "native"
      ? [{ directive: "SystemCallArchitectures", needed: "none", installed: architectures.shown, by }]
      : []),
    ...(denied.length > 0
      ? [
          {
            directive: "SystemCallFilter",
            needed: `none of ${denied.join(" ")}`,
            installed: `~${denied.join(" ")}`,
            by,
          },
        ]
      : []),
  ];
};

/** What no daemon of ours can do with, and who needs it. */
const NEVER: Readonly<Record<string, string>> = {
  MemoryDenyWriteExecute: "the runtime, which cannot report then that it is ready",
  PrivateNetwork: "the listener and the checks",
};

const never: Rule = (unit) =>
  Object.entries(NEVER).flatMap(([directive, by]) => {
    const found = settingOf(unit, directive);
    return found?.value === "yes" ? [{ directive, needed: "no", installed: found.shown, by }] : [];
  });

const MIB = 1024 * 1024;

const limits: Rule = (unit, { limits: { tasks, descriptors, memoryMiB }, needs }) => {
  const by =
    needs.scripts.length === 0
      ? "these checks"
      : `these checks and ${listOf(needs.scripts.map((check) => `the script of ${check}`))}`;
  const atLeast = (directive: string, needed: string, count: number) => {
    const found = settingOf(unit, directive);
    // Of SOFT:HARD the second counts: the runtime takes all that it may.
    const amount = found && amountOf(found.text.split(":").at(-1) ?? "");
    if (!found || amount === undefined || amount >= count) return [];
    return [{ directive, needed: `at least ${needed}`, installed: found.shown, by }];
  };
  return [
    ...atLeast("TasksMax", String(tasks), tasks),
    ...atLeast("LimitNOFILE", String(descriptors), descriptors),
    ...atLeast("MemoryMax", `${memoryMiB}M`, memoryMiB * MIB),
  ];
};

/** Of systemd, where neither the unit nor the host says otherwise. */
const DEFAULT_STOP_S = 90;

const stop: Rule = (unit, { stopSeconds }) => {
  const directive = "TimeoutStopSec";
  const found = settingOf(unit, directive);
  const seconds = found === undefined ? DEFAULT_STOP_S : secondsOf(found.text);
  if (seconds === undefined || seconds >= stopSeconds) return [];
  const installed = found?.shown ?? `none, so ${DEFAULT_STOP_S} s`;
  return [{ directive, needed: `at least ${stopSeconds}`, installed, by: "the drain and what still runs to end" }];
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
  // What a file has of them is not known.
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
            needed: `one with ${listOf(unset)}`,
            installed: "none",
            by: "a secret of the config file",
          },
        ]),
  ];
};

const RULES: readonly Rule[] = [
  limits,
  stop,
  runtimeFolder,
  secrets,
  ...Object.entries(RELAXATIONS).map(([directive, one]) => relaxation(directive, one)),
  writes,
  hiddenPaths("InaccessiblePaths"),
  hiddenPaths("TemporaryFileSystem"),
  lowPorts,
  families,
  forScripts,
  never,
];
