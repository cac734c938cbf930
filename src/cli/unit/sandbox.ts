// The sandbox of the unit: as tight as the options permit. A comment at each relaxed directive says why it is relaxed.
// What is never relaxed (NoNewPrivileges=, the empty set of capabilities) applies to scripts too.

import type { CheckConfig } from "../../checks/build.ts";
import type { Need } from "../../checks/kind.ts";
import type { Options } from "../../config/load.ts";
import { HOMES, MODULES, TEMPORARY } from "../../fs/hidden.ts";
import { isUnder } from "../../fs/mounts.ts";
import type { Address } from "../../net/address.ts";
import { quote } from "../../text/printable.ts";
import { quoteWord } from "./quote.ts";

/** What the options need of the sandbox, and who needs it: `check "app"`, "the listener". */
export interface Needs {
  /** Checks that run scripts. A script may do anything, so units with scripts have a profile of their own. */
  readonly scripts: readonly string[];
  /** Checks that read the processes of other users. */
  readonly processes: readonly string[];
  /** Whether a check asks systemd for the state of a unit. */
  readonly units: boolean;
  /** The listeners on a port under 1024. */
  readonly lowPorts: readonly string[];
  /** All paths that must be visible: files, sockets, the program itself. */
  readonly paths: readonly Place[];
  /** Folders for sockets, saved state and metrics, other than the unit's own. */
  readonly writes: readonly Place[];
  /** What makes its socket or file in the folder that the unit makes. */
  readonly runtime: readonly string[];
  /** Programs that checks start. */
  readonly programs: readonly Place[];
  /** The TCP and UDP addresses that checks connect to, and those that the daemon listens on. */
  readonly peers: readonly Peer[];
  readonly listeners: readonly Peer[];
}

export interface Place {
  readonly path: string;
  readonly by: string;
}

export interface Peer {
  readonly host: string;
  readonly port: number;
  readonly by: string;
}

const LOWEST_FREE_PORT = 1024;

/** What needs the daemon's own file, in a message. */
export const PROGRAM = "the program";

/** The folder that the unit makes for the daemon. */
export const RUNTIME_FOLDER = "/run/health-checker";

/** `others` are paths that the daemon needs besides those that the options name. */
export function needsOf(options: Options, others: readonly Place[], controlSocket: string | undefined): Needs {
  const { checks, listener, agentListener, adminListener, stateDirectory, metricsFile } = options;
  const thatNeed = (need: Need) => checks.filter(({ kind }) => kind.needs?.includes(need)).map(nameOf);
  const listeners = [
    { address: listener, by: "the listener" },
    ...(agentListener ? [{ address: agentListener, by: "the agent listener" }] : []),
    ...(adminListener ? [{ address: adminListener, by: "the admin listener" }] : []),
  ];
  const sockets = [
    ...(controlSocket === undefined ? [] : [{ path: controlSocket, by: "the control socket" }]),
    ...listeners.flatMap(({ address, by }) => socketOf(address).map((path) => ({ path, by }))),
  ];
  const state =
    stateDirectory === undefined ? [] : [{ path: stateDirectory.replace(/(?<=.)\/+$/, ""), by: "the saved state" }];
  const metrics = metricsFile === undefined ? [] : [{ path: metricsFile, by: "the metrics file" }];
  const folders = [
    ...[...sockets, ...metrics].map(({ path, by }) => ({ path: path.slice(0, path.lastIndexOf("/")) || "/", by })),
    ...state,
  ];
  return {
    scripts: thatNeed("any program"),
    processes: thatNeed("processes"),
    units: thatNeed("system bus").length > 0,
    lowPorts: listeners.filter(({ address }) => isLow(address)).map(({ by }) => by),
    paths: [
      ...checks.flatMap((check) => pathsOf(check).map((path) => ({ path, by: nameOf(check) }))),
      ...sockets,
      ...metrics,
      ...state,
      ...others,
    ],
    writes: folders.filter(
      ({ path }, index) => path !== RUNTIME_FOLDER && folders.findIndex((other) => other.path === path) === index,
    ),
    runtime: folders.filter(({ path }) => path === RUNTIME_FOLDER).map(({ by }) => by),
    programs: checks.flatMap((check) => {
      const path = programOf(check);
      return path === undefined ? [] : [{ path, by: nameOf(check) }];
    }),
    peers: checks.flatMap((check) => peerOf(check.kind.peer?.(check.settings), nameOf(check))),
    listeners: listeners.flatMap(({ address, by }) => peerOf(address, by)),
  };
}

const peerOf = (address: Address | undefined, by: string): readonly Peer[] =>
  address?.family === "tcp" ? [{ host: address.host, port: address.port, by }] : [];

/** Where systemd looks for programs. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The path of the check's program; undefined if this host has none. */
function programOf({ kind, settings }: CheckConfig): string | undefined {
  const [command] = kind.program?.(settings).argv ?? [];
  if (command === undefined) return undefined;
  if (command.startsWith("/")) return command;
  return command.includes("/") ? undefined : (Bun.which(command, { PATH }) ?? undefined);
}

const nameOf = ({ name }: CheckConfig): string => `check ${quote(name)}`;

const socketOf = (address: Address): readonly string[] => (address.family === "unix" ? [address.path] : []);

/** Port 0 stands for a free port, which is never low. */
const isLow = (address: Address): boolean =>
  address.family === "tcp" && address.port > 0 && address.port < LOWEST_FREE_PORT;

function pathsOf({ kind, settings }: CheckConfig): readonly string[] {
  const peer = kind.peer?.(settings);
  return [...(kind.files?.(settings) ?? []).map(({ path }) => path), ...(peer ? socketOf(peer) : [])];
}

/** A directive that is tight unless something that is needed conflicts with it. */
export interface Relaxation {
  readonly tight: string;
  readonly loose: string;
  /** Values that are loose enough; so is a directive that is not set. */
  readonly enough: readonly string[];
  /** Folders that the tight value hides. */
  readonly folders?: readonly string[];
  /** Why the tight value conflicts with scripts, and with checks of processes. */
  readonly forScripts?: string;
  readonly forProcesses?: string;
}

export const RELAXATIONS = {
  ProtectSystem: {
    tight: "strict",
    loose: "full",
    enough: ["full", "yes", "no"],
    forScripts: "scripts may write to all places where the user may, except /usr, /boot and /etc.",
  },
  ProtectHome: {
    tight: "yes",
    loose: "read-only",
    enough: ["read-only", "no"],
    folders: HOMES,
    forScripts: "scripts may be in home folders and read files there.",
  },
  PrivateTmp: {
    tight: "yes",
    loose: "no",
    enough: ["no"],
    folders: TEMPORARY,
    forScripts: "scripts may use sockets and pid files of other services in /tmp.",
  },
  PrivateDevices: {
    tight: "yes",
    loose: "no",
    enough: ["no"],
    folders: ["/dev"],
    forScripts: "scripts may use devices that are open to every user, as nvidia-smi does.",
  },
  ProtectProc: {
    tight: "invisible",
    loose: "default",
    enough: ["default"],
    forScripts: "scripts may read the processes of other users, as pgrep and ps do.",
    forProcesses: "process checks read the processes of other users.",
  },
  ProtectClock: {
    tight: "yes",
    loose: "no",
    enough: ["no"],
    forScripts: "it would allow scripts no device except the clock.",
  },
  ProtectKernelModules: { tight: "yes", loose: "no", enough: ["no"], folders: MODULES },
} as const satisfies Readonly<Record<string, Relaxation>>;

export const placesIn = ({ paths }: Needs, folders: readonly string[] = []): readonly Place[] =>
  paths.filter(({ path }) => folders.some((folder) => isUnder(path, folder)));

/** Lines of the unit. */
export function renderSandbox(needs: Needs): readonly string[] {
  const { units, writes } = needs;
  const scripts = needs.scripts.length > 0;
  const directive = (name: keyof typeof RELAXATIONS) => renderRelaxation(name, RELAXATIONS[name], needs);
  return [
    ...(scripts ? SCRIPTS : []),
    ...(units ? UNITS : []),
    "NoNewPrivileges=yes",
    ...(needs.lowPorts.length > 0
      ? [
          "# For a port below 1024. Scripts get this capability too. systemd before 229 does not know AmbientCapabilities=:",
          "# use a higher port there.",
          "CapabilityBoundingSet=CAP_NET_BIND_SERVICE",
          "AmbientCapabilities=CAP_NET_BIND_SERVICE",
        ]
      : ["CapabilityBoundingSet=", "AmbientCapabilities="]),
    ...directive("ProtectSystem"),
    ...writes.flatMap(({ path, by }) => [
      `# For ${by}; the user needs write permission for the folder.`,
      `ReadWritePaths=${quoteWord(`-${path}`)}`,
    ]),
    ...directive("ProtectHome"),
    ...directive("PrivateTmp"),
    ...directive("PrivateDevices"),
    ...directive("ProtectProc"),
    "PrivateMounts=yes",
    ...directive("ProtectClock"),
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    ...directive("ProtectKernelModules"),
    "ProtectKernelTunables=yes",
    "# AF_NETLINK: the C library reads the addresses of this host before it sorts the addresses of a name.",
    `RestrictAddressFamilies=${FAMILIES.join(" ")}`,
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "LockPersonality=yes",
    "RemoveIPC=yes",
    "KeyringMode=private",
    ...(scripts
      ? ["# Without scripts SystemCallArchitectures=native: scripts may start 32-bit programs."]
      : ["SystemCallArchitectures=native"]),
    "# A list of forbidden calls: systemd before 239 does not know @system-service, and would allow no call at all.",
    ...(scripts
      ? [
          "# Without scripts also @keyring @privileged @resources: scripts may call keyctl, chown and nice as this user.",
        ]
      : []),
    `SystemCallFilter=~${(scripts ? FORBIDDEN : [...FORBIDDEN_WITHOUT_SCRIPTS, ...FORBIDDEN]).join(" ")}`,
    "SystemCallErrorNumber=EPERM",
    "# Not MemoryDenyWriteExecute=: the runtime could not compile code. It would be many times slower, and it could not",
    "# notify systemd that it is ready.",
  ];
}

const SCRIPTS = [
  "# Scripts run in this sandbox as the same user. A comment marks each directive that is relaxed for them. They cannot",
  "# gain privileges: sudo and other setuid programs do not work. Give the user a group instead (SupplementaryGroups=),",
  "# or let a job of root write a file, and check that file.",
];

const UNITS = [
  "# systemd checks read the state of units from the system bus, /run/dbus/system_bus_socket. Every user may do that.",
  "# They need AF_UNIX and the package dbus.",
];

/** For systemd's socket, for checks and listeners, and for the addresses that the C library reads. */
export const FAMILIES = ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK"];

/** Calls that neither the daemon nor scripts need. */
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

/** Calls that scripts may need, and the daemon itself does not. */
export const FORBIDDEN_WITHOUT_SCRIPTS = ["@keyring", "@privileged", "@resources"];

/** The tight directive, or the loose one below a comment with the reason. */
function renderRelaxation(name: string, relaxation: Relaxation, needs: Needs): readonly string[] {
  const why = reasonFor(relaxation, needs);
  const { tight, loose } = relaxation;
  return why === undefined ? [`${name}=${tight}`] : [`# Relaxed from ${name}=${tight}: ${why}`, `${name}=${loose}`];
}

/** Why a directive is relaxed; undefined if it is not. Names no path, which might break the line of a comment. */
function reasonFor({ folders, forScripts, forProcesses }: Relaxation, needs: Needs): string | undefined {
  if (needs.scripts.length > 0 && forScripts !== undefined) return forScripts;
  if (needs.processes.length > 0 && forProcesses !== undefined) return forProcesses;
  return placesIn(needs, folders).length > 0 ? "a file, socket or program that the options need is there." : undefined;
}
