// status: prints what the running daemon knows of the host, of one check, or of its clients.

import { OPTIONS, type OptionDef } from "../../config/options.ts";
import { flag } from "../../fields/field.ts";
import { type CommandInput, command } from "../command.ts";
import { DEFAULT_SOCKET, SOCKET_NOTE, socket } from "../control/control.ts";
import { formatOption, json, readFormat, refuseToNagios } from "../format.ts";
import { renderCommandHelp } from "../help.ts";
import { print, refuse } from "../io.ts";
import { isOn, parse } from "../parse.ts";
import { readerOf } from "../read-option.ts";
import type { StatusCommand } from "./run.ts";

const format = formatOption(
  ["table", "json", "nagios", "prometheus"],
  "`nagios` is the output and the exit status of a Nagios plugin, `prometheus` are metrics.",
);

const clients: OptionDef<boolean> = {
  field: flag,
  help: "Print the clients of the health listener: when each asked last, what it was answered, and how often it disconnected before the answer.",
};

const own = { clients, format, json, "control-socket": socket };

export const status = command({
  meta: { name: "status", description: "print the state of the host and of its checks" },
  synonyms: ["health", "state", "info", "list"],
  help: {
    usage: ["[OPTIONS]", "CHECK [OPTIONS]", "--clients [OPTIONS]"],
    about: [
      "health-checker status prints the state of the host as the running daemon reports it: the checks, drain and maintenance, and the last reload. Checks without an interval run once for it.",
      "With the name of a check it prints everything about that check: its last output, its last 60 runs and its last 50 changes.",
    ],
    options: own,
    notes: [
      SOCKET_NOTE,
      "With --format nagios the exit status is that of a plugin: 0 OK, 1 WARNING (also drained or in maintenance), 2 CRITICAL, 3 UNKNOWN.",
    ],
    examples: ["", "database", "--clients", "--format nagios"],
    exitStatus: {
      0: "healthy; with CHECK: it is up",
      1: "not healthy, drained or in maintenance; with CHECK: it is not up",
      2: "an error on the command line, or no check has this name",
      3: "cannot tell: no daemon answers, or its answer cannot be read",
    },
  },
  options: { ...own, help: OPTIONS.help },
  takesWords: true,
  argument: "CHECK",
  run,
});

async function run({ args, grammar, env, io }: CommandInput): Promise<number> {
  const parsed = await parse(args, grammar);
  if (isOn(parsed, "help")) return print(io, renderCommandHelp(status));
  const reader = readerOf(parsed);
  const { read, problems } = reader;
  const path = read("control-socket", socket) ?? DEFAULT_SOCKET;
  const toPrint = toCommand(parsed.words ?? [], read("clients", clients) ?? false, readFormat(reader, format));
  if (typeof toPrint === "string" && problems.length === 0) problems.push(toPrint);
  if (typeof toPrint === "string" || problems.length > 0) {
    const lines = problems.map((problem) => `health-checker: ${problem}`);
    return (await refuseToNagios(parsed, io, problems)) ?? refuse(io, lines, "status");
  }
  const [{ runStatus }, { styleOf }] = await Promise.all([import("./run.ts"), import("../terminal.ts")]);
  const { out, err, exit } = await runStatus(path, toPrint, styleOf(env));
  for (const line of err) io.error(line);
  if (out !== "") await io.out(out);
  return exit;
}

/** A name with blanks may be given without quotes. */
function toCommand(
  words: readonly string[],
  clients: boolean,
  format: StatusCommand["format"],
): StatusCommand | string {
  const what = words.length > 0 ? "CHECK" : "--clients";
  if (words.length > 0 && clients) return "--clients: expected no CHECK beside it";
  if (format === "prometheus" && (words.length > 0 || clients)) return `${what}: has no --format prometheus`;
  if (format === "nagios" && clients) return "--clients: has no --format nagios";
  return { ...(words.length > 0 && { check: words.join(" ") }), clients, format };
}
