// status, reload, drain, undrain and maint: the commands that control a running daemon. They take none of the daemon's
// options, which are on its own command line.

import { readTexts } from "../../config/command-line.ts";
import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { reason } from "../../drain/reason.ts";
import { duration, flag } from "../../fields/field.ts";
import { type Command, command } from "../command.ts";
import { renderOption } from "../help.ts";
import { DONE, FAILED, print, refuse } from "../io.ts";
import { isOn, type OptionTable, parse } from "../parse.ts";
import type { ControlCommand } from "./run.ts";

/** The socket of the packaged unit. */
export const DEFAULT_SOCKET = "/run/health-checker/control.sock";

const socket: OptionDef<string> = {
  ...OPTIONS["control-socket"],
  default: DEFAULT_SOCKET,
  help: "the socket of the daemon, as its own option `--control-socket` names it",
};

const json: OptionDef<boolean> = { field: flag, help: "print all that is known as one JSON object, on one line" };

const maintenanceTime: OptionDef<number> = {
  field: duration,
  value: "D",
  help: "how long the maintenance lasts: `90s`, `10m`, `2h`; 24 hours at most",
};

const maintenanceReason: OptionDef<string> = {
  field: reason,
  value: "TEXT",
  help: "what it is for, as `status`, the log and HAProxy are to tell it; 200 characters at most",
};

const force: OptionDef<boolean> = {
  field: flag,
  help: "take the configuration even if the host, or an endpoint, turns unhealthy by it",
};

const dryRun: OptionDef<boolean> = {
  field: flag,
  help: "run the new and the changed checks, print what would come of it, and change nothing",
};

const DRAINS = `Until then the health listener answers unhealthy, whatever the checks say. So an
Auto Scaling group whose health check type is ELB terminates this host, and a
Network Load Balancer may cut its connections. A restart of the daemon keeps it
where the daemon has a --state-directory or a RUNTIME_DIRECTORY; a restart of
the host ends it.`;

const EXIT_OF_DRAINS = "0 done, 1 no daemon answers, 2 a mistake on the command line.";

export const status = controlCommand({
  name: "status",
  description: "print the status of the host, as its daemon sees it",
  synonyms: ["health", "state", "info", "list"],
  own: { json },
  ownUsage: "[--json]",
  about: `health-checker status tells how the host is, as the daemon on it sees it: the
checks, whether it is drained or in maintenance, and what came of the last
reload. Checks that run on request are run for it.`,
  exit: `0 healthy, 1 not (as while drained or in maintenance) or no daemon
answers, 2 a mistake on the command line.`,
  toCommand: (read) => ({ verb: "status", json: read("json", json) ?? false }),
});

export const reload = controlCommand({
  name: "reload",
  description: "make the daemon read its config file again",
  own: { force, "dry-run": dryRun },
  ownUsage: "[--dry-run] [--force]",
  about: `health-checker reload has the daemon read its config file again, as SIGHUP does,
and prints the result. New and changed checks run once first. A file with
a mistake in it changes nothing, nor does one that would turn a healthy host,
or a healthy endpoint, unhealthy.`,
  exit: "0 taken, 1 refused or no daemon answers, 2 a mistake on the command\nline.",
  toCommand: (read) => ({
    verb: "reload",
    force: read("force", force) ?? false,
    dryRun: read("dry-run", dryRun) ?? false,
  }),
});

export const drain = controlCommand({
  name: "drain",
  description: "take the host out of service, until undrain",
  synonyms: ["disable"],
  about: `health-checker drain takes this host out of service, until undrain.
${DRAINS}`,
  exit: EXIT_OF_DRAINS,
  toCommand: () => ({ verb: "drain" }),
});

export const undrain = controlCommand({
  name: "undrain",
  description: "end drain and maintenance",
  synonyms: ["enable", "resume"],
  about: `health-checker undrain ends drain and maintenance: the checks decide again.
Where there is nothing to end it says so.`,
  exit: EXIT_OF_DRAINS,
  toCommand: () => ({ verb: "undrain" }),
});

export const maint = controlCommand({
  name: "maint",
  description: "take the host out of service for a time",
  synonyms: ["maintenance", "downtime"],
  own: { for: maintenanceTime, reason: maintenanceReason },
  ownUsage: "--for D [--reason TEXT]",
  about: `health-checker maint takes this host out of service for so long, or until
undrain.
${DRAINS}`,
  exit: EXIT_OF_DRAINS,
  toCommand(read) {
    const forMs = read("for", maintenanceTime);
    const why = read("reason", maintenanceReason);
    if (forMs === undefined) return '--for: expected how long the maintenance lasts, such as "10m", got none';
    return { verb: "maint", forMs, ...(why !== undefined && { reason: why }) };
  },
});

/** Reads the last value of an option; undefined if there is none, or if it is not valid. */
type ReadOption = <T>(name: string, option: OptionDef<T>) => T | undefined;

interface ControlDefinition {
  readonly name: string;
  readonly description: string;
  readonly synonyms?: readonly string[];
  readonly own?: OptionTable;
  /** Only in the help of the command: that of the program has no room for it. */
  readonly ownUsage?: string;
  /** The head of its help, and the exit statuses at the end. */
  readonly about: string;
  readonly exit: string;
  /** Returns a problem where the command is incomplete; it is reported only without other problems. */
  readonly toCommand: (read: ReadOption) => ControlCommand | string;
}

function controlCommand(definition: ControlDefinition): Command {
  const { name, description, synonyms = [], own = {}, toCommand } = definition;
  return command({
    meta: { name, description },
    synonyms,
    usage: "[--control-socket PATH]",
    options: { ...own, "control-socket": socket, help: OPTIONS.help },
    async run({ args, grammar, env, io }) {
      const parsed = await parse(args, grammar);
      if (isOn(parsed, "help")) return print(io, renderHelp(definition));
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
      const { out, err, ok } = await runControlCommand(path, toSend, styleOf(env));
      for (const line of err) io[ok ? "warning" : "error"](line);
      if (out.length > 0) await io.out(out.join("\n"));
      return ok ? DONE : FAILED;
    },
  });
}

function renderHelp({ name, own = {}, ownUsage, about, exit }: ControlDefinition): string {
  const options = Object.entries({ ...own, "control-socket": socket });
  const words = ["health-checker", name, ...(ownUsage ? [ownUsage] : []), "[--control-socket PATH]"];
  return `${about}

Usage: ${words.join(" ")}

${options.map(([option, definition]) => renderOption(option, definition)).join("\n")}

It talks to the daemon over its control socket, which is for the daemon's user
and root alone.

Exit status: ${exit}`;
}
