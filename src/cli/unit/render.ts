// Renders the unit file: what systemd starts, how it stops, and what it may do. The text depends only on the input, so
// that the packaged unit can be compared with it.

import type { Options } from "../../config/load.ts";
import { FIRST_RESULTS_MS } from "../../sd-notify/notifier.ts";
import { version } from "../../text/version.ts";
import { DEFAULT_SOCKET } from "../control/control.ts";
import { limitsFor } from "./limits.ts";
import { quoteArgument, quoteProgram } from "./quote.ts";
import { type Needs, needsOf, type Place, PROGRAM, renderSandbox } from "./sandbox.ts";

export interface UnitContent {
  readonly options: Options;
  /** The daemon's command line, without the program. */
  readonly words: readonly string[];
  /** An absolute path that `quoteProgram` accepts. */
  readonly program: string;
  /** Absolute; undefined where there is none. */
  readonly configFile: string | undefined;
  /** The token of the admin listener, and the secrets that the config file refers to. */
  readonly secrets: Secrets;
}

export interface Secrets {
  readonly files: readonly string[];
  readonly variables: readonly string[];
}

/** Files that the daemon needs besides those that the options name. */
export const placesOfDaemon = (program: string, configFile: string | undefined, secrets: Secrets): readonly Place[] => [
  { path: program, by: PROGRAM },
  ...(configFile === undefined ? [] : [{ path: configFile, by: "the config file" }]),
  ...secrets.files.map((path) => ({ path, by: "a secret" })),
];

/** Running rounds have 5 s to end, then 1 s to answer and 1 s to exit; an overloaded host takes longer. */
const STOP_S = 15;

/** How long the daemon may wait for first results before it reports that it is ready. */
export const startSecondsOf = ({ checks }: Options): number =>
  checks.some(({ severity, intervalMs }) => severity === "critical" && intervalMs !== undefined)
    ? FIRST_RESULTS_MS / 1000
    : 0;

/** The time for `drain-delay`, and for running checks to end. */
export const stopSecondsOf = ({ drainDelayMs }: Options): number => Math.ceil(drainDelayMs / 1000) + STOP_S;

/** The whole file, without the newline at its end. */
export const renderUnit = (content: UnitContent): string =>
  [
    ...renderHead(content),
    "",
    "[Unit]",
    "Description=Answers load balancers' health checks for this host",
    "After=network.target",
    "# No limit of restarts: without an answer the load balancer sends no requests to this host.",
    "StartLimitIntervalSec=0",
    "",
    "[Service]",
    ...renderStart(content),
    ...renderLifecycle(content),
    ...ENVIRONMENT,
    "",
    ...renderLimits(content),
    "",
    ...renderSandbox(needsOfUnit(content)),
    "",
    "[Install]",
    "WantedBy=multi-user.target",
  ].join("\n");

const renderHead = ({ configFile }: UnitContent): readonly string[] => [
  `# /etc/systemd/system/health-checker.service, printed by \`health-checker unit\` v${version} for the options that`,
  "# ExecStart= has. Print it again when they change: the permissions below depend on them.",
  ...(configFile === undefined
    ? []
    : [
        "# They depend on the config file too. For most changes of that file `systemctl reload` is enough. After a change",
        "# `health-checker unit --check` reports what this unit does not permit yet, such as the first script or a file below",
        "# /home or /tmp. Print the unit again then.",
      ]),
  "#",
  "#   mkdir -p /etc/sysusers.d",
  "#   echo 'u health-checker - \"health-checker\"' > /etc/sysusers.d/health-checker.conf",
  "#   systemd-sysusers",
  "#   systemctl daemon-reload",
  "#   systemctl enable --now health-checker",
  "#",
  "# Without systemd-sysusers: useradd --system --no-create-home --shell /usr/sbin/nologin health-checker",
  "# An old systemd logs a warning for each directive that it does not know, and ignores it: see docs/systemd.md.",
];

function renderStart({ options, words, program, configFile, secrets }: UnitContent): readonly string[] {
  const all = options.controlSocket === undefined ? [...words, "--control-socket", DEFAULT_SOCKET] : words;
  const command = quoteProgram(program) ?? "";
  return [
    "Type=notify",
    "NotifyAccess=main",
    foldLine([`ExecStart=${command}`, ...all.map(quoteArgument)]),
    `ExecReload=${[command, "reload", "--control-socket", quoteArgument(socketOf(options))].join(" ")}`,
    "# Not DynamicUser=: systemd before 232 ignores it and would start the daemon as root.",
    "User=health-checker",
    ...renderSecrets(configFile, secrets),
  ];
}

function renderLifecycle({ options }: UnitContent): readonly string[] {
  const drainS = Math.ceil(options.drainDelayMs / 1000);
  return [
    "Restart=always",
    "RestartSec=1",
    "# SIGINT: a restart does not wait for the drain delay.",
    "RestartKillSignal=SIGINT",
    drainS === 0
      ? `# ${STOP_S} s for running checks to end.`
      : `# ${drainS} s of drain delay, and ${STOP_S} s for running checks to end.`,
    `TimeoutStopSec=${stopSecondsOf(options)}`,
    "# The event loop notifies systemd every 30 s.",
    "WatchdogSec=60",
    "# Not SIGABRT: the runtime would print a crash report of its own.",
    "WatchdogSignal=SIGKILL",
    "# The daemon ends its scripts itself. systemd then kills the processes that the scripts have detached.",
    "KillMode=mixed",
    "# A script that runs out of memory fails its check. It does not stop the daemon.",
    "OOMPolicy=continue",
  ];
}

const ENVIRONMENT: readonly string[] = [
  "# These variables would change the runtime of the program.",
  "UnsetEnvironment=BUN_BE_BUN BUN_OPTIONS",
  "# For the control socket and the saved drain state. The state survives a stop and a start of the daemon, not a reboot.",
  "RuntimeDirectory=health-checker",
  "RuntimeDirectoryMode=0700",
  "RuntimeDirectoryPreserve=yes",
  "UMask=0077",
];

function renderLimits({ options }: UnitContent): readonly string[] {
  const { tasks, descriptors, memoryMiB } = limitsFor(options);
  return [
    "# Computed from the options, far above their needs.",
    `TasksMax=${tasks}`,
    `LimitNOFILE=${descriptors}`,
    `MemoryMax=${memoryMiB}M`,
    "# No core dump: the memory of the daemon has the secrets of checks.",
    "LimitCORE=0",
  ];
}

const socketOf = ({ controlSocket = DEFAULT_SOCKET }: Options): string => controlSocket;

const needsOfUnit = ({ options, program, configFile, secrets }: UnitContent): Needs =>
  needsOf(options, placesOfDaemon(program, configFile, secrets), socketOf(options));

/** systemd before 235 reads the rest of a longer line as another line. */
const MOST_OF_LINE = 2000;

/** One line if it fits, else several that systemd joins. */
function foldLine(words: readonly string[]): string {
  const lines: string[] = [];
  for (const word of words) {
    const line = lines.at(-1);
    const longer = line === undefined ? word : `${line} ${word}`;
    if (line === undefined || Buffer.byteLength(longer) > MOST_OF_LINE) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines.join(" \\\n  ");
}

/** Where the service finds its credentials. */
const CREDENTIALS = "/run/credentials/health-checker.service/";

/** The name of the credential at this path; undefined for any other file. */
export function credentialName(file: string): string | undefined {
  const name = file.startsWith(CREDENTIALS) ? file.slice(CREDENTIALS.length) : "";
  return /^\w[\w.@-]*$/.test(name) ? name : undefined;
}

/** The file that the unit loads the credential from. */
export const credentialFile = (credential: string): string => `/etc/health-checker/${credential}`;

const CONFIG_FILE = [
  `# The user must be able to read the config file and the files that it names as \${file:/PATH}. For a file that only root`,
  `# can read: LoadCredential= (systemd 247 or later) and \${file:${CREDENTIALS}db-password}:`,
];

const TOKEN_ALONE = [
  "# The user must be able to read the token file. If only root can read it: LoadCredential= (systemd 247 or later) and",
  `# --admin-token-file ${CREDENTIALS}admin-token:`,
];

function renderSecrets(configFile: string | undefined, { files, variables }: Secrets): readonly string[] {
  if (configFile === undefined && files.length === 0) return [];
  const credentials = files.flatMap((file) => credentialName(file) ?? []);
  const example = configFile === undefined ? "admin-token" : "db-password";
  return [
    ...(configFile === undefined ? TOKEN_ALONE : CONFIG_FILE),
    ...(credentials.length === 0
      ? [`#LoadCredential=${example}:${credentialFile(example)}`]
      : credentials.map((name) => `LoadCredential=${name}:${credentialFile(name)}`)),
    ...(variables.length === 0
      ? []
      : [
          `# A file with NAME=VALUE lines, which only root should be able to read, with ${variables.join(", ")}:`,
          "EnvironmentFile=-/etc/health-checker.env",
        ]),
  ];
}
