// script: passes when the program exits with status 0 within the timeout.
//
// It runs in a process group of its own without a shell, with no input. At the
// timeout the whole group is killed; so is what is left of it when the program
// itself has ended. The end of its output is kept for the reason of a failure.

import { type Group, type GroupExit, StartError, startGroup } from "../probing/group.ts";
import { pause } from "../probing/turns.ts";
import { splitWords } from "../words.ts";
import { failed, type Outcome, type Probe } from "./check.ts";
import { type Field, takes } from "./fields.ts";
import { defineKind, type ProbeContext } from "./kind.ts";

/** Killed processes are gone within a few ms; one that is not by then hangs in the kernel. */
const REAP_GRACE_MS = 100;

/** What a probe itself waits for that, within the 50 ms that an answer may be late. */
const KILL_WAIT_MS = 25;

const RETRY_MS = 20;
const RESOURCE_CODES = ["EAGAIN", "EMFILE", "ENFILE", "ENOMEM"];

/** The program is being written at this moment, as by a deployment. */
const BUSY_CODE = "ETXTBSY";

/** Where the runtime looks for a program when there is no PATH. */
const DEFAULT_PATH = "/usr/local/bin:/usr/local/sbin:/usr/bin:/bin:/usr/sbin:/sbin";

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
    anyOf: [
      { type: "string", minLength: 1 },
      { type: "array", items: { type: "string" }, minItems: 1 },
    ],
  },
  read(given) {
    if (typeof given === "string") {
      const words = splitWords(given);
      return typeof words === "string" ? { expected: words } : { value: { text: given, argv: words } };
    }
    if (!Array.isArray(given) || given.length === 0) return {};
    const argv = given.map((word: unknown) => (typeof word === "number" ? String(word) : word));
    if (!argv.every((word): word is string => typeof word === "string")) return { hint: "each word is a text" };
    if (argv[0] === "") return { hint: "its first word is empty" };
    if (argv.some((word) => word.includes("\0"))) return { hint: "it holds a zero byte" };
    return { value: { text: argv.map(quoted).join(" "), argv } };
  },
};

/** As one would type it for a shell. */
const quoted = (word: string): string => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

export const script = defineKind({
  name: "script",
  value: "COMMAND",
  rule: "the program exits with status 0",
  shape: (z) => ({
    script: takes(z, command, "the command: a text that is split as a POSIX shell does, or a list of words"),
  }),
  target: ({ script: { text } }) => text,
  probe: ({ script: { argv } }, context) => {
    const env = environment(context);
    return scriptProbe(argv, { env, onOrphan: context.onOrphan }, () => diagnose(argv, env));
  },
  inspect: async ({ script: { argv } }, context) => [(await diagnose(argv, environment(context))) ?? []].flat(),
});

const environment = ({ env, name }: ProbeContext): Readonly<Record<string, string>> => ({
  ...env,
  HEALTH_CHECKER_CHECK: name,
});

// Loaded only where it is needed: node:fs costs 2 ms and 4 MB at start.
async function diagnose([program = ""]: readonly string[], env: Readonly<Record<string, string>>) {
  const { diagnoseCommand } = await import("../probing/diagnose.ts");
  return diagnoseCommand(program, env["PATH"] ?? DEFAULT_PATH);
}

function scriptProbe(
  argv: readonly string[],
  options: Parameters<typeof startGroup>[1],
  diagnose: () => Promise<string | undefined>,
): Probe {
  /** Killed, and not reaped yet: when, by performance.now(). */
  const dying = new Map<Group, number>();

  const probe: Probe = async (signal) => {
    const stuck = dying.size > 0 ? await awaitReaping(dying) : [];
    if (stuck.length > 0) {
      const pids = stuck.map(({ pid }) => pid).join(", ");
      return failed(
        "stuck",
        `the last run was killed but has not ended (pid ${pids}); it is not started again until it has`,
      );
    }
    if (signal.aborted) return failed("timeout", "waiting to start");
    let group: Group;
    try {
      group = startGroup(argv, options);
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const { code } = error;
      if (!RESOURCE_CODES.includes(code) && code !== BUSY_CODE) {
        return failed("spawn", (await diagnose()) ?? `cannot start ${argv[0]} (${code})`);
      }
      await pause(RETRY_MS, signal);
      if (!signal.aborted) return probe(signal);
      return code === BUSY_CODE
        ? failed("spawn", `${argv[0]} is being written (${code})`)
        : failed("resource", `no process or descriptor left to start ${argv[0]} (${code})`);
    }
    return finish(group, signal);
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
        // What ended by itself just before the kill is judged like any other.
        resolve(signal.aborted && exit.exitCode === null ? killed(group) : judge(exit, group));
      });
      if (signal.aborted) killAndWait();
      else signal.addEventListener("abort", killAndWait);
    });

  return probe;
}

/**
 * Waits for what is being killed at this moment, and gives back what has been
 * dying for too long. What is killed meanwhile is the next run's to wait for.
 */
async function awaitReaping(dying: ReadonlyMap<Group, number>): Promise<readonly Group[]> {
  const earlier = [...dying];
  const latest = Math.max(...earlier.map(([, since]) => since));
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.max(0, latest + REAP_GRACE_MS - performance.now()));
  await Promise.race([Promise.all(earlier.map(([{ exited }]) => exited)), late]);
  clearTimeout(timer);
  return earlier.map(([group]) => group).filter((group) => dying.has(group));
}

function judge({ exitCode, signal }: GroupExit, group: Group): Outcome {
  if (exitCode === 0) return UP;
  return withOutput(
    exitCode === null ? failed("signal", `ended by ${signal}`) : failed("exit", `exited with status ${exitCode}`),
    group,
  );
}

const killed = (group: Group): Outcome =>
  withOutput(failed("timeout", "still running; killed with its process group"), group);

function withOutput(failure: ReturnType<typeof failed>, group: Group): Outcome {
  const output = group.output();
  return output === undefined ? failure : { ...failure, output };
}
