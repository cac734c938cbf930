// The command lines of status, reload, drain, undrain and maint, which control a running daemon. They take only options
// of their own: those of the daemon are in its own command line.

import { readTexts } from "../config/command-line.ts";
import { OPTIONS, type OptionDef } from "../config/options.ts";
import type { Problem } from "../config/problem.ts";
import { reason } from "../drain/reason.ts";
import { duration, flag } from "../fields/field.ts";
import type { Action } from "./action.ts";
import type { ControlCommand } from "./control/run.ts";
import { renderOption } from "./help.ts";
import { parseOwnOptions } from "./parse.ts";

type Verb = ControlCommand["verb"];

/** The socket of the packaged unit. */
export const DEFAULT_SOCKET = "/run/health-checker/control.sock";

const socket: OptionDef<string> = {
  ...OPTIONS["control-socket"],
  default: DEFAULT_SOCKET,
  help: "the socket of the daemon, as its own option `--control-socket` names it",
};

const json: OptionDef<boolean> = { field: flag, help: "print all that is known as one JSON object, on one line" };

const lasts: OptionDef<number> = {
  field: duration,
  value: "D",
  help: "how long the maintenance lasts: `90s`, `10m`, `2h`; 24 hours at most",
};

const because: OptionDef<string> = {
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

const OWN: Readonly<Record<Verb, Readonly<Record<string, OptionDef<unknown>>>>> = {
  status: { json },
  reload: { force, "dry-run": dryRun },
  drain: {},
  undrain: {},
  maint: { for: lasts, reason: because },
};

export async function control(verb: Verb, rawArgs: readonly string[]): Promise<Action> {
  const own = { ...OWN[verb], "control-socket": socket, help: OPTIONS.help };
  const { values, problems: parsing } = await parseOwnOptions(verb, rawArgs, own);
  if (values["help"]?.at(-1) === "true") return { kind: "print", text: renderHelp(verb) };
  const problems: Problem[] = [...parsing];
  const read = <T>(name: string, option: OptionDef<T>): T | undefined => {
    const given = readTexts(name, option, values[name]);
    problems.push(...given.problems);
    return given.values.at(-1);
  };
  const at = read("control-socket", socket) ?? DEFAULT_SOCKET;
  const command = commandOf(verb, read);
  if (command === undefined && problems.length === 0) {
    problems.push('--for: expected how long the maintenance lasts, such as "10m", got none');
  }
  if (command === undefined || problems.length > 0) {
    return { kind: "refuse", lines: problems.map((problem) => `health-checker: ${problem}`), command: verb };
  }
  return { kind: "control", socket: at, command };
}

/** Undefined for a maintenance without a duration. */
function commandOf(
  verb: Verb,
  read: <T>(name: string, option: OptionDef<T>) => T | undefined,
): ControlCommand | undefined {
  if (verb === "status") return { verb, json: read("json", json) ?? false };
  if (verb === "reload")
    return { verb, force: read("force", force) ?? false, dryRun: read("dry-run", dryRun) ?? false };
  if (verb !== "maint") return { verb };
  const forMs = read("for", lasts);
  const why = read("reason", because);
  return forMs === undefined ? undefined : { verb, forMs, ...(why !== undefined && { reason: why }) };
}

interface Help {
  readonly what: string;
  readonly usage: string;
  readonly exit: string;
}

const DRAINS = `Until then the health listener answers unhealthy, whatever the checks say. So an
Auto Scaling group whose health check type is ELB terminates this host, and a
Network Load Balancer may cut its connections. A restart of the daemon keeps it
where the daemon has a --state-directory or a RUNTIME_DIRECTORY; a restart of
the host ends it.`;

const DONE = "0 done, 1 no daemon answers, 2 a mistake on the command line.";

const HELPS: Readonly<Record<Verb, Help>> = {
  status: {
    what: `health-checker status tells how the host is, as the daemon on it sees it: the
checks, whether it is drained or in maintenance, and what came of the last
reload. Checks that run on request are run for it.`,
    usage: "[--json]",
    exit: `0 healthy, 1 not (as while drained or in maintenance) or no daemon
answers, 2 a mistake on the command line.`,
  },
  reload: {
    what: `health-checker reload has the daemon read its config file again, as SIGHUP does,
and prints what came of it. New and changed checks run once first. A file with
a mistake in it changes nothing, nor does one that would turn a healthy host,
or a healthy endpoint, unhealthy.`,
    usage: "[--dry-run] [--force]",
    exit: "0 taken, 1 refused or no daemon answers, 2 a mistake on the command\nline.",
  },
  drain: {
    what: `health-checker drain takes this host out of service, until undrain.
${DRAINS}`,
    usage: "",
    exit: DONE,
  },
  undrain: {
    what: `health-checker undrain ends drain and maintenance: the checks decide again.
Where there is nothing to end it says so.`,
    usage: "",
    exit: DONE,
  },
  maint: {
    what: `health-checker maint takes this host out of service for so long, or until
undrain.
${DRAINS}`,
    usage: "--for D [--reason TEXT]",
    exit: DONE,
  },
};

function renderHelp(verb: Verb): string {
  const { what, usage, exit } = HELPS[verb];
  const options = Object.entries({ ...OWN[verb], "control-socket": socket });
  const words = ["health-checker", verb, ...(usage ? [usage] : []), "[--control-socket PATH]"];
  return `${what}

Usage: ${words.join(" ")}

${options.map(([name, option]) => renderOption(name, option)).join("\n")}

It talks to the daemon over its control socket, which is for the daemon's user
and root alone.

Exit status: ${exit}`;
}
