// Finds differences in how systemd starts, watches, reloads and stops the daemon. Whether and when systemd restarts it
// is the administrator's choice.

import { basename } from "node:path";
import { listFirstTwo } from "../../../../text/list.ts";
import { DEFAULT_SOCKET } from "../../../control/control.ts";
import { readWords } from "../../quote.ts";
import { RUNTIME_FOLDER } from "../../sandbox.ts";
import { type Difference, type Rule, scriptsOf } from "../difference.ts";
import type { InstalledUnit } from "../unit-file.ts";
import { describeValues, secondsOf, settingOf, wordsOf } from "../values.ts";

/** The installed value, or what systemd does by default. */
const shownOr = (found: { readonly shown: string } | undefined, fallback: string): string =>
  found?.shown ?? `none (default ${fallback})`;

const NOTIFYING = ["notify", "notify-reload"];

const isNotifying = (unit: InstalledUnit): boolean => NOTIFYING.includes(settingOf(unit, "Type")?.value ?? "");

const type: Rule = (unit) => {
  if (isNotifying(unit)) return [];
  const installed = shownOr(settingOf(unit, "Type"), "simple");
  return [{ directive: "Type", needed: "notify", installed, by: "systemd to know when it is ready" }];
};

/** For a service that notifies or has a watchdog, systemd reads `none` as `main`. */
const notifyAccess: Rule = (unit) => {
  const directive = "NotifyAccess";
  const watchdog = settingOf(unit, "WatchdogSec");
  const isWatched = watchdog !== undefined && secondsOf(watchdog.text) !== Number.POSITIVE_INFINITY;
  const found = settingOf(unit, directive);
  // systemd ignores "no" and the like here.
  if (isNotifying(unit) || isWatched || (found !== undefined && found.text !== "none")) return [];
  return [{ directive, needed: "main", installed: found?.shown ?? "none", by: "the status that systemctl shows" }];
};

const SOCKET_OPTION = /^--?control-socket(?:=(.*))?$/s;

/** The control socket that a reload command talks to; undefined for a command of another program. */
function socketOfReload(command: string): string | undefined {
  const [program = "", verb, ...words] = readWords(command);
  if (basename(program.replace(/^[-@:+!|]+/, "")) !== "health-checker" || verb !== "reload") return undefined;
  const at = words.findLastIndex((word) => SOCKET_OPTION.test(word));
  return at < 0 ? DEFAULT_SOCKET : (SOCKET_OPTION.exec(words[at] ?? "")?.[1] ?? words[at + 1] ?? "");
}

const reload: Rule = (unit, { controlSocket }) => {
  const directive = "ExecReload";
  const by = "systemctl reload";
  const commands = unit.values(directive);
  const needsNoCommand = settingOf(unit, "Type")?.value === "notify-reload";
  const option = controlSocket === undefined ? undefined : `--control-socket ${controlSocket}`;
  const needed = option === undefined ? "/bin/kill -HUP $MAINPID" : `health-checker reload ${option}`;
  if (commands.length === 0) {
    return needsNoCommand ? [] : [{ directive, needed: `a command such as ${needed}`, installed: "none", by }];
  }
  const otherSockets = commands.flatMap(({ text }) => {
    const socket = socketOfReload(text);
    return socket === undefined || socket === controlSocket ? [] : [socket];
  });
  const [socket] = otherSockets;
  if (socket === undefined) return [];
  const shown = describeValues(unit, directive);
  const where = /\(in [^)]*\)$/.exec(shown)?.[0];
  const installed = [`--control-socket ${socket}`, ...(where === undefined ? [] : [where])].join(" ");
  return [{ directive, needed: option ?? needed, installed, by }];
};

/** Whether the directive allows at least `least` seconds; if it is not set there is no limit. */
function atLeast(unit: InstalledUnit, directive: string, least: number, by: string): readonly Difference[] {
  const found = settingOf(unit, directive);
  const seconds = found && secondsOf(found.text);
  if (!found || seconds === undefined || seconds >= least) return [];
  return [{ directive, needed: `at least ${least}`, installed: found.shown, by }];
}

/** On a busy host the event loop may stall for a second or two. */
const LEAST_WATCHDOG_S = 5;

const LEAST_START_S = 5;

const watchdog: Rule = (unit) => atLeast(unit, "WatchdogSec", LEAST_WATCHDOG_S, "a daemon on a busy host");

const start: Rule = (unit, { startSeconds }) => {
  if (!isNotifying(unit)) return [];
  const by = startSeconds > 0 ? "the first results of checks in the background" : "the start";
  return atLeast(unit, "TimeoutStartSec", LEAST_START_S + startSeconds, by);
};

/** systemd's default, unless the unit or the host sets another. */
const DEFAULT_STOP_S = 90;

const stop: Rule = (unit, { stopSeconds }) => {
  const by = "the drain and the end of running checks";
  if (settingOf(unit, "TimeoutStopSec") || stopSeconds <= DEFAULT_STOP_S) {
    return atLeast(unit, "TimeoutStopSec", stopSeconds, by);
  }
  const installed = `none (default ${DEFAULT_STOP_S} s)`;
  return [{ directive: "TimeoutStopSec", needed: `at least ${stopSeconds}`, installed, by }];
};

/** The signals on which the daemon stops in order; systemd takes their numbers too. */
const STOP_SIGNALS: Readonly<Partial<Record<string, string>>> = { 2: "INT", 3: "QUIT", 15: "TERM" };

function signalOf(unit: InstalledUnit, directive: string) {
  const found = settingOf(unit, directive);
  const name = found?.text.replace(/^SIG/, "");
  return name === undefined ? undefined : { shown: found?.shown ?? "", name: STOP_SIGNALS[name] ?? name };
}

const signals: Rule = (unit, { drains }) => {
  const by = "the end of running checks";
  const isOrderly = (name: string) => Object.values(STOP_SIGNALS).includes(name);
  const kill = signalOf(unit, "KillSignal");
  const restart = signalOf(unit, "RestartKillSignal");
  const wrong = kill && !isOrderly(kill.name) ? by : kill && drains && kill.name !== "TERM" ? "the drain" : undefined;
  return [
    ...(kill && wrong ? [{ directive: "KillSignal", needed: "SIGTERM", installed: kill.shown, by: wrong }] : []),
    ...(restart && !isOrderly(restart.name)
      ? [{ directive: "RestartKillSignal", needed: "SIGINT", installed: restart.shown, by }]
      : []),
  ];
};

/** What systemd does to the scripts that the daemon has started. */
const processes: Rule = (unit, { needs }) => {
  const mode = settingOf(unit, "KillMode");
  if (mode?.text === "none") {
    return [{ directive: "KillMode", needed: "mixed", installed: mode.shown, by: "a stop of the daemon" }];
  }
  if (needs.scripts.length === 0) return [];
  const by = listFirstTwo(scriptsOf(needs));
  const policy = settingOf(unit, "OOMPolicy");
  return [
    ...(mode === undefined || mode.text === "control-group"
      ? [{ directive: "KillMode", needed: "mixed", installed: shownOr(mode, "control-group"), by }]
      : []),
    ...(policy?.text === "continue"
      ? []
      : [{ directive: "OOMPolicy", needed: "continue", installed: shownOr(policy, "stop"), by }]),
  ];
};

const OWNER_MAY_ALL = 0o700;

const runtimeFolderRights: Rule = (unit, { controlSocket }) => {
  if (wordsOf(unit, "RuntimeDirectory").length === 0) return [];
  const preserve = settingOf(unit, "RuntimeDirectoryPreserve");
  const isPreserved = preserve?.value === "yes" || preserve?.text === "restart";
  const mode = settingOf(unit, "RuntimeDirectoryMode");
  const isOpen = mode === undefined || (Number.parseInt(mode.text, 8) & OWNER_MAY_ALL) === OWNER_MAY_ALL;
  return [
    ...(isPreserved || controlSocket === undefined
      ? []
      : [
          {
            directive: "RuntimeDirectoryPreserve",
            needed: "yes",
            installed: preserve?.shown ?? "none",
            by: "a drain to survive a restart",
          },
        ]),
    ...(isOpen
      ? []
      : [
          {
            directive: "RuntimeDirectoryMode",
            needed: "0700",
            installed: mode.shown,
            by: "the sockets and the saved drain",
          },
        ]),
  ];
};

/** The folder where the daemon makes its sockets. */
const runtimeFolder: Rule = (unit, { needs }) => {
  const directive = "RuntimeDirectory";
  const name = RUNTIME_FOLDER.slice("/run/".length);
  const has = wordsOf(unit, directive).some((word) => word.split(":")[0] === name);
  if (has || needs.runtime.length === 0) return [];
  return [{ directive, needed: name, installed: describeValues(unit, directive), by: listFirstTwo(needs.runtime) }];
};

/** Variables that systemd sets for the daemon. */
const SET_BY_SYSTEMD = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "RUNTIME_DIRECTORY"];
/** Variables that turn the program into the runtime that it is built with. */
const RUNTIME_VARIABLES = ["BUN_BE_BUN", "BUN_OPTIONS"];

const environment: Rule = (unit, { variables }) => {
  const directive = "UnsetEnvironment";
  const nameOf = (word: string) => word.split("=")[0] ?? "";
  const unset = wordsOf(unit, directive).map(nameOf);
  const set = [...wordsOf(unit, "Environment").map(nameOf), ...wordsOf(unit, "PassEnvironment")];
  const taken = [...SET_BY_SYSTEMD, ...variables].filter((name) => unset.includes(name));
  const left = RUNTIME_VARIABLES.filter((name) => set.includes(name) && !unset.includes(name));
  const installed = describeValues(unit, directive);
  return [
    ...(taken.length > 0 ? [{ directive, needed: `none of ${taken.join(" ")}`, installed, by: "the daemon" }] : []),
    ...(left.length > 0
      ? [{ directive, needed: left.join(" "), installed, by: "the daemon, which otherwise starts as another program" }]
      : []),
  ];
};

export const SERVICE_RULES: readonly Rule[] = [
  type,
  notifyAccess,
  reload,
  start,
  watchdog,
  stop,
  signals,
  processes,
  runtimeFolderRights,
  environment,
  runtimeFolder,
];
