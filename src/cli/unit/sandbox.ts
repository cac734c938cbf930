// The sandbox of the unit: as tight as what the options name allows, and at each directive
// that is relaxed why. What must not be relaxed (NoNewPrivileges=, the empty set of
// capabilities) holds for scripts too.

import type { CheckConfig } from "../../checks/build.ts";
import type { Options } from "../../config/load.ts";
import type { Address } from "../../probing/network/address.ts";
import { quoteWord } from "./quote.ts";

/** What the options need of the sandbox. */
export interface Needs {
  /** Scripts may do whatever a check does: they get a profile of their own. */
  readonly scripts: boolean;
  /** It looks at the processes of others. */
  readonly processes: boolean;
  /** It asks systemd for its units. */
  readonly units: boolean;
  /** It listens on a port under 1024. */
  readonly lowPort: boolean;
  /** Whatever must be seen: files, sockets, the program itself. */
  readonly paths: readonly string[];
  /** Folders that sockets are made in, other than the unit's own. */
  readonly writes: readonly string[];
}

const LOWEST_FREE_PORT = 1024;

/** The folder that the unit has made for it. */
export const RUNTIME_FOLDER = "/run/health-checker";

export function needsOf(options: Options, others: readonly string[], controlSocket: string): Needs {
  const { checks, listener, agentListener } = options;
  const has = (name: string) => checks.some(({ kind }) => kind.name === name);
  const listeners = agentListener ? [listener, agentListener] : [listener];
  const sockets = [controlSocket, ...listeners.flatMap(socketOf)];
  const paths = [...checks.flatMap(pathsOf), ...sockets, ...others];
  const folders = sockets.map((socket) => socket.slice(0, socket.lastIndexOf("/")) || "/");
  return {
    scripts: has("script"),
    processes: has("process"),
    units: has("systemd"),
    lowPort: listeners.some(isLow),
    paths: [...new Set(paths)],
    writes: [...new Set(folders)].filter((folder) => folder !== RUNTIME_FOLDER),
  };
}

const socketOf = (address: Address): readonly string[] => (address.family === "unix" ? [address.path] : []);

/** Port 0 picks one that is free for all. */
const isLow = (address: Address): boolean =>
  address.family === "tcp" && address.port > 0 && address.port < LOWEST_FREE_PORT;

function pathsOf({ kind, settings }: CheckConfig): readonly string[] {
  const peer = kind.peer?.(settings);
  return [...(kind.paths?.(settings) ?? []), ...(peer ? socketOf(peer) : [])];
}

/** Lines of the unit. */
export function renderSandbox(needs: Needs): readonly string[] {
  const { scripts, processes, units, lowPort, writes } = needs;
  const isBelow = (...folders: readonly string[]) => needs.paths.find((path) => isUnder(path, folders));
  return [
    ...(scripts ? SCRIPTS : []),
    ...(units ? UNITS : []),
    "NoNewPrivileges=yes",
    ...(lowPort
      ? [
          "# A port under 1024. Scripts have this right too. Before systemd 229 there is no AmbientCapabilities=:",
          "# take a higher port there.",
          "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
          "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        ]
      : ["CapabilityBoundingSet=", "AmbientCapabilities="]),
    ...relaxed(scripts && "scripts may write where the user may, but in /usr, /boot and /etc.", [
      "ProtectSystem=strict",
      "ProtectSystem=full",
    ]),
    ...writes.flatMap((folder) => [
      "# A socket is made there; the folder must let the user write.",
      `ReadWritePaths=${quoteWord(`-${folder}`)}`,
    ]),
    ...relaxed(reason(scripts, "scripts may lie there, and read there.", isBelow(...HOMES)), [
      "ProtectHome=yes",
      "ProtectHome=read-only",
    ]),
    ...relaxed(
      reason(scripts, "scripts find the sockets and pid files of others in /tmp.", isBelow("/tmp", "/var/tmp")),
      ["PrivateTmp=yes", "PrivateTmp=no"],
    ),
    ...relaxed(reason(scripts, "scripts ask the devices that anybody may, as nvidia-smi does.", isBelow("/dev")), [
      "PrivateDevices=yes",
      "PrivateDevices=no",
    ]),
    ...relaxed(
      reason(scripts, "scripts look at the processes of others, as pgrep and ps do.") ||
        (processes && "process checks look at the processes of others."),
      ["ProtectProc=invisible", "ProtectProc=default"],
    ),
    "PrivateMounts=yes",
    ...relaxed(scripts && "it would close every device but the clock.", ["ProtectClock=yes", "ProtectClock=no"]),
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    ...relaxed(reason(false, "", isBelow("/lib/modules", "/usr/lib/modules")), [
      "ProtectKernelModules=yes",
      "ProtectKernelModules=no",
    ]),
    "ProtectKernelTunables=yes",
    "# Netlink is what the C library learns the host's own addresses by, before it sorts those of a name.",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "RemoveIPC=yes",
    "KeyringMode=private",
    ...(scripts
      ? ["# Else SystemCallArchitectures=native: scripts may start programs of 32 bits."]
      : ["SystemCallArchitectures=native"]),
    "# What is forbidden, and not what is allowed: before systemd 239 @system-service is not known, and a list of",
    "# it alone allows nothing.",
    ...(scripts
      ? [
          "# Else @keyring @privileged @resources too: scripts may call keyctl, chown and nice, for what these let the user do.",
        ]
      : []),
    `SystemCallFilter=~${(scripts ? FORBIDDEN : [...FORBIDDEN_TO_ITSELF, ...FORBIDDEN]).join(" ")}`,
    "SystemCallErrorNumber=EPERM",
    "# MemoryDenyWriteExecute= stays off: under it the runtime compiles nothing, is many times slower, and makes no",
    "# system calls of its own, so that systemd never hears that it is ready.",
  ];
}

const SCRIPTS = [
  "# Scripts run in here as well, as the same user; what is relaxed for them says so. What is not: nobody gets more",
  "# rights, so sudo and other setuid programs do not work. Give the user a group instead (SupplementaryGroups=), or",
  "# let what needs root write a file, and check that.",
];

const UNITS = [
  "# systemd checks ask by the system bus, /run/dbus/system_bus_socket, where anybody may ask for a unit's state:",
  "# AF_UNIX is all they need, and the package dbus.",
];

/** Where ProtectHome= hides what is there. */
const HOMES = ["/home", "/root", "/run/user"];

/** No program of either profile has a use for these. */
const FORBIDDEN = [
  "@clock",
  "@cpu-emulation",
  "@debug",
  "@module",
  "@mount",
  "@obsolete",
  "@raw-io",
  "@reboot",
  "@swap",
  "io_uring_setup",
  "userfaultfd",
];

/** The daemon itself makes none of these calls either. */
const FORBIDDEN_TO_ITSELF = ["@keyring", "@privileged", "@resources"];

const isUnder = (path: string, folders: readonly string[]): boolean =>
  folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

/** Why a directive is relaxed, if it is. No path is written out: in a comment it might break the line. */
function reason(scripts: boolean, forScripts: string, path?: string): string | false {
  if (scripts) return forScripts;
  return path !== undefined && "what is checked, listened on or started lies there.";
}

/** The directive as it is without a reason, or below the reason as it is with one. */
const relaxed = (why: string | false, [tight, loose]: readonly [string, string]): readonly string[] =>
  why === false ? [tight] : [`# Else ${tight}: ${why}`, loose];
