// script: passes when the program exits with status 0 within the timeout and, with `expect`, its stdout contains what is
// expected. With `nagios`, status 1 passes too.
//
// The program runs in its own process group, without a shell and without input. At the timeout the whole group is killed;
// when the program has ended, the rest of the group is. A failure shows the end of the output.

import { absolutePath, type Field, flag, type Pattern, pattern } from "../fields/field.ts";
import { optional, required, withDefault } from "../fields/keys.ts";
import { type Failure, failed, type Outcome } from "../outcome.ts";
import {
  describeExit,
  type Group,
  type GroupExit,
  type GroupOptions,
  StartError,
  startGroup,
} from "../process/group.ts";
import { afterPendingIo, unlessAborted } from "../system/event-loop.ts";
import { isRecord } from "../system/json.ts";
import { isLacking, retryWhileLacking } from "../system/retry.ts";
import { CHECK_VARIABLE } from "../system/script-environment.ts";
import { escapeInvisible } from "../text/odd-characters.ts";
import { plainLine } from "../text/printable.ts";
import { quoteWord, secretWords, withoutSecretWords } from "../text/secret-words.ts";
import { splitWords } from "../text/shell-words.ts";
import type { Probe } from "./check.ts";
import { defineKind, type ProbeContext } from "./kind.ts";

/** A killed process ends within a few ms, on a busy host within some hundred; after that it hangs in the kernel. */
const REAP_GRACE_MS = 1000;

/** How long an aborted probe waits for that: less than the 50 ms by which a result may be late. */
const KILL_WAIT_MS = 25;

/** The program is being written, as during a deployment. */
const BUSY_CODE = "ETXTBSY";

/** Where the runtime searches for a program if PATH is not set. */
const DEFAULT_PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/bin:/usr/sbin:/sbin";

/** How much of the start of stdout `expect` sees. */
const STDOUT_BYTES = 64 * 1024;

/** How much of a plugin's first line a message contains. */
const SUMMARY_CHARACTERS = 300;

const UP: Outcome = { ok: true };

export interface Command {
  /** As the user wrote it. */
  readonly text: string;
  /** Its words; at least one. */
  readonly argv: readonly string[];
}

export const command: Field<Command> = {
  expected: "a command: a text that is split into words, or a list of words",
  json: {
    title: "command",
    anyOf: [
      { type: "string", minLength: 1 },
      { type: "array", items: { type: ["string", "number"] }, minItems: 1 },
    ],
  },
  read(given) {
    if (typeof given === "string") {
      const words = splitWords(given);
      return typeof words === "string" ? { expected: words } : { value: { text: given, argv: words } };
    }
    if (!Array.isArray(given) || given.length === 0) return {};
    const argv = given.map((word: unknown) => (typeof word === "number" ? String(word) : word));
    if (!argv.every((word): word is string => typeof word === "string")) return { hint: "each word must be a text" };
    if (argv[0] === "") return { hint: "the first word is empty" };
    if (argv.some((word) => word.includes("\0"))) return { hint: "it contains a zero byte" };
    return { value: { text: argv.map(quoteWord).join(" "), argv } };
  },
};

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

export const variables: Field<Readonly<Record<string, string>>> = {
  expected: "a mapping of variable names to values",
  json: {
    title: "mapping of names to values",
    type: "object",
    propertyNames: { pattern: NAME.source },
    additionalProperties: { type: ["string", "number"] },
  },
  read(given) {
    if (!isRecord(given)) return {};
    const entries: [string, string][] = [];
    for (const [name, value] of Object.entries(given)) {
      if (!NAME.test(name)) {
        // After "=" there may be a value, which the user should have written after a colon.
        const shown = name.replace(/=.+$/s, "=…");
        return { hint: `a name has only letters, digits and _: not ${escapeInvisible(JSON.stringify(shown))}` };
      }
      if (name === CHECK_VARIABLE) return { hint: `health-checker itself sets ${CHECK_VARIABLE}` };
      if (typeof value !== "string" && typeof value !== "number") {
        return { hint: `put the value of ${name} in quotes` };
      }
      if (String(value).includes("\0")) return { hint: `the value of ${name} contains a zero byte` };
      entries.push([name, String(value)]);
    }
    return { value: Object.fromEntries(entries) };
  },
};

export const script = defineKind({
  name: "script",
  value: "COMMAND",
  rule: "the program exits with status 0; with expect, when its stdout matches too",
  example: "script: /usr/local/bin/check.sh --all",
  aliases: ["command", "cmd", "exec", "run", "args", "arguments"],
  keys: {
    script: required(command, "the command: a text, which is split into words as by a POSIX shell, or a list of words"),
    cwd: optional(absolutePath, "the working directory; by default the daemon's"),
    env: optional(variables, "environment variables, added to the daemon's own; their values are never shown"),
    expect: optional(pattern, "what the first 64 KiB of stdout must contain"),
    nagios: withDefault(
      flag,
      "treat the program as a Nagios plugin: exit status 0 passes, 1 passes with a warning, any other fails",
      false,
    ),
  },
  texts: { script: "command" },
  target: ({ script: { text, argv } }) => withoutSecretWords(argv) ?? text,
  usesName: true,
  program: ({ script: { text, argv }, cwd, env }) => ({ text, argv, cwd, env }),
  needs: ["any program"],
  // A shell with a pipeline is five tasks, a JVM thirty and 128 MiB.
  resources: { perRun: { tasks: 32, memoryMiB: 128 } },
  secrets: ({ script: { argv }, env = {} }) => [...Object.values(env), ...secretWords(argv)],
  secretsOfTarget: ({ env = {} }) => Object.values(env),
  probe(settings, context) {
    const { argv } = settings.script;
    const { cwd, expect, nagios } = settings;
    const env = environment(settings, context);
    const stdoutBytes = expect || nagios ? STDOUT_BYTES : undefined;
    const { redact, onOrphan } = context;
    const judge = nagios ? judgePlugin(redact) : judgeExit;
    return scriptProbe(
      argv,
      { env, cwd, stdoutBytes, onOrphan, redact },
      {
        judge: (exit, group) => judgeOutput(judge(exit, group), expect, group),
        diagnose: () => diagnose(settings, env),
      },
    );
  },
  inspect: async (settings, context) => [(await diagnose(settings, environment(settings, context))) ?? []].flat(),
});

interface Settings {
  readonly script: Command;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
}

const environment = (settings: Settings, { env, name }: ProbeContext): Readonly<Record<string, string>> => ({
  ...env,
  ...settings.env,
  [CHECK_VARIABLE]: name,
});

// Loaded only when needed: node:fs costs 2 ms and 4 MB at start.
async function diagnose({ script: { argv }, cwd }: Settings, env: Readonly<Record<string, string>>) {
  // It knows the rules of POSIX alone.
  if (process.platform === "win32") return undefined;
  const { diagnoseCommand } = await import("../process/diagnose.ts");
  return diagnoseCommand(argv[0] ?? "", env["PATH"] ?? DEFAULT_PATH, cwd);
}

interface ScriptHooks {
  /** The outcome of a run that has ended. */
  readonly judge: (exit: GroupExit, group: Group) => Outcome;
  /** Why the program cannot start, if the cause is visible. */
  readonly diagnose: () => Promise<string | undefined>;
}

const isTransient = (result: unknown): boolean =>
  result instanceof StartError && (result.code === BUSY_CODE || isLacking(result.code));

function scriptProbe(argv: readonly string[], options: GroupOptions, { judge, diagnose }: ScriptHooks): Probe {
  /** Killed groups that are not reaped yet, with the time of the kill by performance.now(). */
  const dying = new Map<Group, number>();

  const probe: Probe = async ({ signal }) => {
    const stuck = dying.size > 0 ? await awaitReaping(dying, signal) : [];
    if (stuck.length > 0) {
      const pids = stuck.map(({ pid }) => pid).join(", ");
      return failed(
        "stuck",
        `the last run was killed but has not ended (pid ${pids}); the script does not start again before that`,
      );
    }
    if (signal.aborted) return failed("timeout", "waiting to start");
    const run = (): Promise<Outcome> | StartError => {
      const group = startGroup(argv, options);
      return group instanceof StartError ? group : finish(group, signal);
    };
    const result = await retryWhileLacking<Outcome | StartError>(signal, run, isTransient);
    if (!(result instanceof StartError)) return result;
    const { code } = result;
    if (code === BUSY_CODE) return failed("spawn", `${argv[0]} is open for writing (${code})`);
    if (isLacking(code)) return failed("resource", `no process or descriptor left to start ${argv[0]} (${code})`);
    return failed("spawn", (await diagnose()) ?? `cannot start ${argv[0]} (${code})`);
  };

  const finish = (group: Group, signal: AbortSignal): Promise<Outcome> =>
    new Promise((resolve) => {
      const killAndWait = () => {
        group.kill();
        dying.set(group, performance.now());
        setTimeout(() => resolve(killed(group)), KILL_WAIT_MS);
      };
      void group.exited.then((exit) => {
        signal.removeEventListener("abort", killAndWait);
        dying.delete(group);
        // A program that ended by itself just before the kill is judged like any other.
        resolve(signal.aborted && exit.exitCode === null ? killed(group) : judge(exit, group));
      });
      if (signal.aborted) killAndWait();
      else signal.addEventListener("abort", killAndWait);
    });

  return probe;
}

/**
 * Waits until the groups in `dying` have ended, or until `signal` aborts. Returns those that have not ended in time. Groups
 * that are killed meanwhile are left to the next run.
 */
async function awaitReaping(dying: ReadonlyMap<Group, number>, signal: AbortSignal): Promise<readonly Group[]> {
  const earlier = [...dying.keys()];
  const latest = Math.max(...dying.values());
  const { promise: over, resolve } = Promise.withResolvers<boolean>();
  const graceMs = Math.max(0, latest + REAP_GRACE_MS - performance.now());
  const timer = setTimeout(() => afterPendingIo(() => resolve(true)), graceMs);
  const allGone = Promise.all(earlier.map(({ exited }) => exited)).then(() => false);
  const isLate = await unlessAborted(Promise.race([allGone, over]), signal, () => false);
  clearTimeout(timer);
  return isLate ? earlier.filter((group) => dying.has(group)) : [];
}

function judgeExit(exit: GroupExit, group: Group): Outcome {
  if (exit.exitCode === 0) return UP;
  return withOutput(failed(exit.signal === null ? "exit" : "signal", describeExit(exit)), group);
}

/** From the Nagios plugin guidelines: the message is the first line of the output, up to a bar. */
const judgePlugin =
  (redact: ProbeContext["redact"]) =>
  (exit: GroupExit, group: Group): Outcome => {
    const state = PLUGIN_STATES[exit.exitCode ?? -1];
    if (state === undefined) return judgeExit(exit, group);
    const summary = summaryOf(redact(group.stdout().text, "nowhere"));
    if (state === "ok") return summary === undefined ? UP : { ok: true, detail: summary };
    if (state === "warning") return { ok: true, warning: summary ?? "the plugin reports a warning without a message" };
    return withOutput(
      failed("exit", summary === undefined ? `exited with status ${exit.exitCode} (${state})` : `${state}: ${summary}`),
      group,
    );
  };

const PLUGIN_STATES = ["ok", "warning", "critical", "unknown"] as const;

function summaryOf(stdout: string): string | undefined {
  const [line = ""] = stdout.trimStart().split(/[\r\n]/, 1);
  const [summary = ""] = line.split("|", 1);
  return plainLine(summary, SUMMARY_CHARACTERS) || undefined;
}

function judgeOutput(outcome: Outcome, expect: Pattern | undefined, group: Group): Outcome {
  if (!outcome.ok || expect === undefined) return outcome;
  const { text, totalBytes } = group.stdout();
  if (expect.matches(text)) return outcome;
  const within = totalBytes > STDOUT_BYTES ? ` in its first ${STDOUT_BYTES} of ${totalBytes} bytes` : "";
  return withOutput(failed("mismatch", `stdout does not match expect${within}`), group);
}

const killed = (group: Group): Outcome =>
  withOutput(failed("timeout", "still running; killed with its process group"), group);

function withOutput(failure: Failure, group: Group): Outcome {
  const output = group.output();
  return output === undefined ? failure : { ...failure, output };
}
