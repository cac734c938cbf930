// status, reload, drain, undrain and maint: the commands that control a running daemon. They take none of the daemon's
// options, which are on its own command line.

import { readTexts } from "../../config/command-line.ts";
import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { reason } from "../../drain/reason.ts";
import { duration, flag } from "../../fields/field.ts";
import { type Command, type CommandHelp, command } from "../command.ts";
import { renderCommandHelp } from "../help.ts";
import { CANNOT_TELL, DONE, FAILED, print, refuse } from "../io.ts";
import { isOn, type OptionTable, parse } from "../parse.ts";
import type { ControlCommand } from "./run.ts";

/** The socket of the packaged unit. */
export const DEFAULT_SOCKET = "/run/health-checker/control.sock";

const socket: OptionDef<string> = {
  ...OPTIONS["control-socket"],
  default: DEFAULT_SOCKET,
  help: "The control socket of the daemon, the value of its own option `--control-socket`.",
};

const json: OptionDef<boolean> = { field: flag, help: "Print the whole status as one JSON object on one line." };

const maintenanceTime: OptionDef<number> = {
  field: duration,
  value: "DURATION",
  help: "How long the maintenance lasts, such as `90s`, `10m` or `2h`; a number alone is seconds. At most 24 hours.",
};

const drainReason: OptionDef<string> = {
  field: reason,
  value: "TEXT",
  help: "The reason. `status`, the log and HAProxy show it. At most 200 characters.",
};

const force: OptionDef<boolean> = {
  field: flag,
  help: "Accept the configuration even if it turns the host or an endpoint unhealthy.",
};

const dryRun: OptionDef<boolean> = {
  field: flag,
  help: "Run the new and the changed checks and print what a reload would change. Change nothing.",
};

/** What a load balancer does with a host that is drained or in maintenance. */
const CONSEQUENCES: readonly string[] = [
  "On AWS: an Auto Scaling group with health check type ELB terminates a host that its load balancer finds unhealthy. A Network Load Balancer may cut the connections of an unhealthy target.",
  "The state outlives a restart of the daemon if the daemon has --state-directory or RUNTIME_DIRECTORY. A reboot of the host ends it.",
];

const DONE_OR_NOT = { 0: "done", 1: "not done, or no daemon answers", 2: "an error on the command line" };

export const status = controlCommand({
  name: "status",
  description: "print the state of the host and of its checks",
  synonyms: ["health", "state", "info", "list"],
  own: { json },
  about: [
    "health-checker status prints the state of the host as the running daemon reports it: the checks, drain and maintenance, and the last reload. Checks without an interval run once for it.",
  ],
  examples: ["", "--json"],
  exitStatus: {
    0: "healthy",
    1: "not healthy, drained or in maintenance",
    2: "an error on the command line",
    3: "cannot tell: no daemon answers, or its answer cannot be read",
  },
  toCommand: (read) => ({ verb: "status", json: read("json", json) ?? false }),
});

export const reload = controlCommand({
  name: "reload",
  description: "make the daemon read its config file again",
  own: { force, "dry-run": dryRun },
  about: [
    "health-checker reload makes the daemon read its config file again, as SIGHUP does, and prints the changes. The daemon runs new and changed checks once before it accepts the file.",
    "A file with an error changes nothing. A file that would turn a healthy host or a healthy endpoint unhealthy changes nothing without --force.",
  ],
  examples: ["--dry-run", ""],
  exitStatus: { 0: "accepted", 1: "refused, or no daemon answers", 2: "an error on the command line" },
  toCommand: (read) => ({
    verb: "reload",
    force: read("force", force) ?? false,
    dryRun: read("dry-run", dryRun) ?? false,
  }),
});

export const drain = controlCommand({
  name: "drain",
  description: "drain the host: answer unhealthy until undrain",
  synonyms: ["disable"],
  own: { reason: drainReason },
  about: [
    "health-checker drain drains this host: the health listener answers unhealthy, whatever the checks report, until undrain. A second drain keeps the time of the first, and its reason unless it has one of its own.",
    ...CONSEQUENCES,
  ],
  examples: ["", '--reason "kernel upgrade"'],
  exitStatus: DONE_OR_NOT,
  toCommand(read) {
    const why = read("reason", drainReason);
    return { verb: "drain", ...(why !== undefined && { reason: why }) };
  },
});

export const undrain = controlCommand({
  name: "undrain",
  description: "end drain and maintenance",
  synonyms: ["enable", "resume"],
  about: ["health-checker undrain ends drain and maintenance. The checks decide the answer again."],
  examples: [""],
  exitStatus: { ...DONE_OR_NOT, 0: "done, or the host was not drained" },
  toCommand: () => ({ verb: "undrain" }),
});

export const maint = controlCommand({
  name: "maint",
  description: "start a maintenance: answer unhealthy for a time",
  synonyms: ["maintenance", "downtime"],
  required: "--for DURATION",
  own: { for: maintenanceTime, reason: drainReason },
  about: [
    "health-checker maint starts a maintenance: the health listener answers unhealthy for DURATION, whatever the checks report. undrain ends it earlier.",
    ...CONSEQUENCES,
  ],
  examples: ['--for 10m --reason "disk swap"'],
  exitStatus: DONE_OR_NOT,
  toCommand(read) {
    const forMs = read("for", maintenanceTime);
    const why = read("reason", drainReason);
    if (forMs === undefined) return "--for: no duration given; usage: health-checker maint --for 10m";
    return { verb: "maint", forMs, ...(why !== undefined && { reason: why }) };
  },
});

/** Reads the last value of an option; undefined if there is none, or if it is not valid. */
type ReadOption = <T>(name: string, option: OptionDef<T>) => T | undefined;

interface ControlDefinition extends Pick<CommandHelp, "about" | "examples" | "exitStatus"> {
  readonly name: string;
  readonly description: string;
  readonly synonyms?: readonly string[];
  readonly required?: string;
  readonly own?: OptionTable;
  /** Returns a problem where the command is incomplete; it is reported only without other problems. */
  readonly toCommand: (read: ReadOption) => ControlCommand | string;
}

function controlCommand(definition: ControlDefinition): Command {
  const { name, description, synonyms = [], required, own = {}, about, examples, exitStatus } = definition;
  const { toCommand } = definition;
  const defined = command({
    meta: { name, description },
    synonyms,
    ...(required !== undefined && { required }),
    help: {
      usage: [[...(required === undefined ? [] : [required]), "[OPTIONS]"].join(" ")],
      about,
      options: { ...own, "control-socket": socket },
      notes: [
        "It connects to the control socket of the daemon. Only root and the user of the daemon may use that socket.",
      ],
      examples,
      exitStatus,
    },
    options: { ...own, "control-socket": socket, help: OPTIONS.help },
    async run({ args, grammar, env, io }) {
      const parsed = await parse(args, grammar);
      if (isOn(parsed, "help")) return print(io, renderCommandHelp(defined));
      const problems = [...parsed.problems];
      const read: ReadOption = (option, definition) => {
        const { values, problems: wrong } = readTexts(option, definition, parsed.values[option]);
        problems.push(...wrong);
        return values.at(-1);
      };
      const path = read("control-socket", socket) ?? DEFAULT_SOCKET;
      const toSend = toCommand(read);
      if (typeof toSend === "string" && problems.length === 0) problems.push(toSend);
      if (typeof toSend === "string" || problems.length > 0) {
        return refuse(
          io,
          problems.map((problem) => `health-checker: ${problem}`),
          name,
        );
      }
      const [{ runControlCommand }, { styleOf }] = await Promise.all([import("./run.ts"), import("../terminal.ts")]);
      const { out, err, ok, cannotTell } = await runControlCommand(path, toSend, styleOf(env));
      for (const line of err) io[ok ? "warning" : "error"](line);
      if (out.length > 0) await io.out(out.join("\n"));
      if (ok) return DONE;
      return cannotTell ? CANNOT_TELL : FAILED;
    },
  });
  return defined;
}
