// health-checker(1): the program, from the tables of options and commands.

import { OPTION_GROUPS, OPTION_NAMES, OPTIONS, optionDef } from "../../config/options.ts";
import { version } from "../../text/version.ts";
import type { Command, CommandHelp, OptionHelp } from "../command.ts";
import { DEFAULT_SOCKET } from "../control/control.ts";
import { DAEMON_OPTIONS, EXAMPLES, EXIT_STATUS, TIMEOUT_NOTE } from "../help.ts";
import {
  bold,
  compact,
  definitions,
  escapeRoff,
  italic,
  type Lines,
  page,
  paragraph,
  section,
  subsection,
  tagged,
  verbatim,
} from "./roff.ts";

const PROGRAM = "health-checker";

const SIGNALS = [
  [
    "SIGTERM",
    "Stop. Until the end of `--drain-delay` every answer is unhealthy. Then running checks get up to 5 s to end, and the daemon exits with 0.",
  ],
  ["SIGINT, SIGQUIT", "Stop without the drain delay."],
  [
    "a second one of these",
    "During the drain delay: end the delay. Otherwise: kill all scripts and exit with 128 plus the number of the signal.",
  ],
  ["SIGHUP", "Read the config file again, as `health-checker reload`. If the terminal was closed: stop, as SIGINT."],
  ["SIGUSR1, SIGUSR2", "Ignored. So is SIGHUP if it was ignored at startup, as by nohup."],
] as const;

const ENVIRONMENT = [
  ["RUNTIME_DIRECTORY", "The first directory in it is the default of `--state-directory`. systemd sets it."],
  ["NOTIFY_SOCKET, WATCHDOG_USEC", "systemd sets them. The daemon reports its start, its status and that it is alive."],
  ["JOURNAL_STREAM", "If stdout is the journal of systemd, `journal` is the default of `--log-format`."],
  ["NO_COLOR, TERM", "A report has no colour if NO_COLOR is set or TERM is `dumb`."],
  ["HEALTH_CHECKER_CHECK", "The daemon sets it for each script: the name of the check."],
] as const;

const FILES = [
  [
    "/etc/health-checker/config.yaml",
    "The config file of the packages, see health-checker.yaml(5). The daemon itself has no default.",
  ],
  [DEFAULT_SOCKET, "The control socket, by default."],
  ["/etc/systemd/system/health-checker.service", "The unit, as `health-checker unit --output` writes it."],
] as const;

/** `date` is that of the release, such as "2026-11-28". */
export function renderProgramPage(commands: readonly Command[], date: string): string {
  return page({ name: PROGRAM, section: 1, date, version }, [
    ...section("NAME", [`${escapeRoff(PROGRAM)} \\- answer the health checks of load balancers for this host`]),
    ...section("SYNOPSIS", [`${bold(PROGRAM)} [${italic("OPTIONS")}]`, ".br", synopsisOfCommand()]),
    ...section("DESCRIPTION", describeProgram()),
    ...section(
      "OPTIONS",
      OPTION_GROUPS.flatMap((group) =>
        subsection(
          group,
          OPTION_NAMES.filter((name) => OPTIONS[name].group === group).flatMap((name) =>
            describeOption(name, optionDef(name)),
          ),
        ),
      ),
    ),
    ...section("COMMANDS", commands.flatMap(describeCommand)),
    ...section("EXIT STATUS", statuses(EXIT_STATUS)),
    ...section("ENVIRONMENT", definitions(ENVIRONMENT)),
    ...section("FILES", definitions(FILES)),
    ...section("SIGNALS", definitions(SIGNALS)),
    ...section("EXAMPLES", verbatim(EXAMPLES.map((words) => `${PROGRAM} ${words}`).join("\n"))),
    ...section("SEE ALSO", [
      `${bold("health-checker.yaml")}(5), ${bold("systemctl")}(1), ${bold("systemd.service")}(5)`,
    ]),
  ]);
}

const synopsisOfCommand = (): string => `${bold(PROGRAM)} ${italic("COMMAND")} [${italic("OPTIONS")}]`;

const describeProgram = (): Lines => [
  ...paragraph(
    "health-checker is a daemon. It runs health checks on this host and answers HTTP requests: `200 OK` if all checks pass, else `504`. A load balancer probes it instead of one port or one URL.",
  ),
  ...paragraph(
    "`health-checker COMMAND` runs a command and exits. The name of the command comes first, its options follow.",
  ),
  ...paragraph(
    "`--port 5432`, `--port=5432`, `-port 5432` and `-port=5432` are the same. Most options are also keys of the config file, without their dashes: see health-checker.yaml(5).",
  ),
  ...paragraph(TIMEOUT_NOTE),
];

function describeOption(name: string, { short, value, help, repeatable, default: fallback }: OptionHelp): Lines {
  const tag = `${short ? `${bold(`-${short}`)}, ` : ""}${bold(`--${name}`)}${value ? ` ${italic(value)}` : ""}`;
  const sentences = [help, repeatable && "Repeatable.", fallback && `Default: \`${fallback}\`.`];
  return tagged(tag, sentences.filter(Boolean).join(" "));
}

function describeCommand({ meta: { name }, help }: Command): Lines {
  const { usage, about, options = {}, notes = [], examples, exitStatus } = help;
  const program = `${PROGRAM} ${name}`;
  return [
    ...subsection(name, [
      ".PP",
      usage.map((words) => `${bold(program)} ${escapeRoff(words)}`.trimEnd()).join("\n.br\n"),
      ...about.flatMap(paragraph),
      ...Object.entries(options).flatMap(([option, described]) => describeOption(option, described)),
      ...notes.filter((note) => note !== DAEMON_OPTIONS).flatMap(describeNote),
      ...(notes.includes(DAEMON_OPTIONS) ? paragraph(`\`${name}\` also takes the options of the daemon.`) : []),
      ...paragraph("Exit status:"),
      ...statuses(exitStatus),
      ...paragraph(examples.length === 1 ? "Example:" : "Examples:"),
      ...verbatim(examples.map((words) => `${program} ${words}`.trimEnd()).join("\n")),
    ]),
  ];
}

/** A note that is indented is a line of a file. */
const describeNote = (note: string): Lines => (note.startsWith("  ") ? verbatim(note.trim()) : paragraph(note));

const statuses = (meanings: CommandHelp["exitStatus"]): Lines => compact(definitions(Object.entries(meanings)));
