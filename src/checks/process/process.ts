// process: passes when at least `min` and at most `max` processes of that name are running; for a pid file, when the process
// with that number is running and can be the one that wrote the file.
//
// Names are compared as `pgrep -x` does. Zombies, processes in containers, the daemon and its scripts do not count. Checks
// that run at the same moment share one scan of /proc.

import { excerptOf } from "../../fields/exchange.ts";
import { type Field, flag, type Pattern, pattern, wholeNumber } from "../../fields/field.ts";
import { optional, required, withDefault } from "../../fields/keys.ts";
import { whyProcessesHidden } from "../../fs/hidden.ts";
import { explainMissing, explainUnusable, isMissing } from "../../fs/missing.ts";
import type { Matching, NearMisses, ProcessFacts } from "../../fs/proc.ts";
import { type Failure, failed, isFailure, type Outcome } from "../../outcome.ts";
import type { Abortable } from "../../system/abort.ts";
import { clock } from "../../system/clock.ts";
import { libc } from "../../system/libc.ts";
import { defineKind } from "../kind.ts";

/** A pid file holds a number; PostgreSQL's has more lines. */
const PID_FILE_BYTES = 1024;

/** How often to search for a missing process under other names, which reads every command line. */
const NEAR_MISSES_INTERVAL_MS = 30_000;

/** A pid file may seem this much older than its process, since their times come from different clocks. */
const CLOCK_SLACK_MS = 5000;

/** The first process of a host starts within a minute of the boot, the first one of a container perhaps later. */
const BOOT_MS = 60_000;

/** Names of a host's first process, which is never a service. */
const INIT_NAMES = ["systemd", "init"];

/** The kernel's maximum. */
const MAX_PROCESSES = 4_194_304;

/** Longer than any file's name. */
const MAX_NAME_BYTES = 255;

export const processName: Field<string> = {
  expected: "the name of a program without its path, or the path of a pid file",
  json: { title: "program name or pid file", type: "string", minLength: 1, examples: ["nginx", "/run/nginx.pid"] },
  read(given) {
    if (typeof given === "number" || typeof given === "boolean") return { hint: "put it in quotes" };
    if (typeof given !== "string") return {};
    if (given === "" || given.includes("\0")) return {};
    if (given.startsWith("/")) return { value: given };
    if (given.includes("/")) return { hint: "a path begins with a slash, and a name has no slash" };
    if (Buffer.byteLength(given) > MAX_NAME_BYTES) return { expected: `at most ${MAX_NAME_BYTES} bytes` };
    return { value: given };
  },
};

export const process = defineKind({
  name: "process",
  value: "NAME",
  rule: "at least min and at most max processes of that name run, or when the process of the pid file runs",
  example: "process: /run/nginx.pid",
  aliases: ["pid", "pidfile", "pid-file"],
  keys: {
    process: required(processName, "the name of a program, as pgrep -x matches it, or the path of a pid file"),
    matching: optional(pattern, "what the command line must contain; its words are joined with spaces"),
    min: optional(
      wholeNumber(0, MAX_PROCESSES),
      "the smallest number of processes that passes; by default 1, or 0 with max: 0",
    ),
    max: optional(
      wholeNumber(0, MAX_PROCESSES),
      "the largest number of processes that passes; 0 passes only when none runs",
    ),
    containers: withDefault(flag, "also count processes in containers (in PID namespaces below this one)", false),
  },
  texts: { process: "process" },
  conflict({ process, min, max }) {
    if (process.startsWith("/")) {
      const key = min !== undefined ? "min" : max !== undefined ? "max" : undefined;
      return key && { path: [key], expected: `no ${key} with a pid file`, got: "both" };
    }
    if (min === 0 && max === undefined)
      return { path: ["min"], expected: "max as well, because 0 always passes", got: "none" };
    if (max !== undefined && max < (min ?? 0)) {
      return { path: ["max"], expected: `at least min (${min})`, got: String(max) };
    }
    return undefined;
  },
  target: ({ process, matching }) => (matching ? `${process} matching ${matching.text}` : process),
  files: ({ process: path }) => (path.startsWith("/") ? [{ path, isRead: true, mayBeMissing: true }] : []),
  needs: ["processes"],
  probe: (settings) => (settings.process.startsWith("/") ? pidFileProbe(settings) : nameProbe(settings)),
});

interface Settings {
  readonly process: string;
  readonly matching?: Pattern | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly containers: boolean;
}

/** A copy that can be sent to another thread. */
const copyMatching = (matching: Pattern | undefined): Matching | undefined =>
  matching && {
    text: matching.text,
    ...(matching.expression && {
      expression: { source: matching.expression.source, flags: matching.expression.flags },
    }),
  };

const PROC_IS_HIDDEN = "/proc hides the processes of other users";

async function nameProbe({ process: name, matching, max, min = max === 0 ? 0 : 1, containers }: Settings) {
  const { countProcesses, findNearMisses } = await import("./count.ts");
  const query = { name, matching: copyMatching(matching), containers };
  let near: { readonly notes: readonly string[]; readonly at: number } | undefined;
  const nearMisses = async (signal: AbortSignal): Promise<readonly string[]> => {
    if (near && clock.now() - near.at < NEAR_MISSES_INTERVAL_MS) return near.notes;
    const found = await findNearMisses(name, signal);
    if (found === undefined) return [];
    near = { notes: describeNearMisses(name, found), at: clock.now() };
    return near.notes;
  };
  return async ({ signal }: Abortable): Promise<Outcome> => {
    const counted = await countProcesses(query, signal);
    if (isFailure(counted)) return counted;
    const { alive, zombies, own, inContainers, unmatched, complete } = counted;
    const elsewhere =
      inContainers > 0
        ? [`${inContainers} in ${inContainers === 1 ? "a container does" : "containers do"} not count`]
        : [];
    const running = alive === 0 ? describeNone(name, matching) : describeSome(alive, name, matching);
    if (max !== undefined && alive > max) {
      return failed("missing", `${running}, expected ${max === 0 ? "none" : `at most ${max}`}`);
    }
    const hidden = complete ? [] : [whyProcessesHidden() ?? PROC_IS_HIDDEN];
    if (alive >= min) {
      // A hidden process may be one too many.
      if (max !== undefined && !complete)
        return failed("unreachable", `cannot count all processes ${name} (${hidden})`);
      return { ok: true, detail: `${alive} running${inBrackets(elsewhere)}` };
    }
    const seen = [
      ...(unmatched > 0 ? [`${unmatched} of that name ${unmatched === 1 ? "does" : "do"} not match`] : []),
      ...elsewhere,
      ...(own > 0 ? [`${own} of health-checker's own ${own === 1 ? "processes does" : "processes do"} not count`] : []),
      ...(zombies > 0 ? [`${zombies} ${zombies === 1 ? "zombie does" : "zombies do"} not count`] : []),
      ...hidden,
    ];
    if (alive === 0 && seen.length === 0) seen.push(...(await nearMisses(signal)));
    const wanted = min === 1 ? "" : `, expected at least ${min}`;
    return failed("missing", `${running}${wanted}${inBrackets(seen)}`);
  };
}

function describeNearMisses(name: string, { alike, sameStart, inCommandLine, names }: NearMisses): readonly string[] {
  const alikeNotes = alike.map(([other, count]) => `${count} ${count === 1 ? "runs" : "run"} as "${excerptOf(other)}"`);
  const [only] = names;
  return [
    ...alikeNotes,
    ...(sameStart > 0
      ? [`${sameStart} ${has(sameStart)} the same first 15 letters, but another program in the command line`]
      : []),
    ...(inCommandLine > 0 && only !== undefined
      ? [
          `${inCommandLine} ${has(inCommandLine)} it in ${inCommandLine === 1 ? "its" : "their"} command line: process: ${excerptOf(only)} with matching: ${asYaml(name.trim())} counts ${names.length > 1 ? "some of them" : inCommandLine === 1 ? "it" : "them"}`,
        ]
      : []),
  ];
}

/** Quoted if YAML needs quotes, as for `svc: worker`. */
const asYaml = (text: string): string => (/^[\w/.][\w./@+-]*$/.test(text) ? text : JSON.stringify(text));

const has = (count: number): string => (count === 1 ? "has" : "have");

const inBrackets = (notes: readonly string[]): string => (notes.length > 0 ? ` (${notes.join("; ")})` : "");

const THAT_MATCHES = " with a command line that matches";

const describeNone = (name: string, matching: Pattern | undefined): string =>
  `no process ${name}${matching ? THAT_MATCHES : ""} is running`;

const describeSome = (count: number, name: string, matching: Pattern | undefined): string =>
  `${count} ${count === 1 ? "process" : "processes"} ${name}${matching ? THAT_MATCHES : ""} running`;

async function pidFileProbe({ process: path, matching, containers }: Settings) {
  const [{ askFileSystem }, { runningGroups }] = await Promise.all([
    import("../../fs/filesystem.ts"),
    import("../../process/group.ts"),
  ]);
  /** `code` is that of the call that did not find the process. */
  const explainNoProcess = async (pid: string, code: string, signal: AbortSignal): Promise<Failure> => {
    if (!isMissing(code) && code !== "ESRCH") {
      const why = whyProcessesHidden();
      const hidden = code === "EPERM" && why !== undefined ? `; ${why}` : "";
      return failed("unreachable", `cannot access process ${pid} of ${path} (${code})${hidden}`);
    }
    // The first process always exists: if it is not visible, others are hidden too.
    const first = await askFileSystem({ ask: "stat", path: "/proc/1" }, signal);
    const hidden = !first.ok && isMissing(first.code ?? "") ? ` (${whyProcessesHidden() ?? PROC_IS_HIDDEN})` : "";
    return failed("missing", `process ${pid} of ${path} is not running${hidden}`);
  };
  /** A failure or a warning if the process is not surely the one that wrote the file; undefined if it may be. */
  const judgeAge = async (pid: string, changedAt: number, facts: ProcessFacts, signal: AbortSignal) => {
    const age = compareAge(changedAt, facts);
    if (age === "newer") return undefined;
    // In memory, a file cannot be from before the boot: the clock was set, as on a host without a hardware clock.
    const usage = age === "before boot" ? await askFileSystem({ ask: "usage", path }, signal) : undefined;
    const it = `process ${pid} (${excerptOf(facts.name)})`;
    if (usage?.ok && "isInMemory" in usage.value && !usage.value.isInMemory) {
      const began = (facts.firstStartedMs ?? 0) > BOOT_MS ? "container was started" : "host was booted";
      return failed("missing", `${path} was written before this ${began}: ${it} is not the one that wrote it`);
    }
    return `${path} is older than ${it}: another program may have this number now, or the clock was set`;
  };
  return async ({ signal }: Abortable): Promise<Outcome> => {
    const file = await askFileSystem({ ask: "read", path, limitBytes: PID_FILE_BYTES }, signal);
    if (!file.ok) {
      if (file.code === undefined) return file;
      return isMissing(file.code)
        ? explainMissing(path, file.code, signal, `the pid file ${path}`)
        : explainUnusable(path, file.code, signal);
    }
    const { text, type, changedAt } = file.value;
    const pid =
      text === undefined ? failed("mismatch", `${path} is a ${type}, expected a pid file`) : readPid(path, text);
    if (isFailure(pid)) return pid;
    const question = { ask: "process", path: `/proc/${Number(pid)}`, matching: copyMatching(matching) } as const;
    const found = await askFileSystem({ ...question, scripts: runningGroups() }, signal);
    if (!found.ok) return found.code === undefined ? found : explainNoProcess(pid, found.code, signal);
    const facts = found.value;
    const failure = judgeProcess(path, pid, facts);
    if (failure) return failure;
    const doubt = await judgeAge(pid, changedAt, facts, signal);
    if (isFailure(doubt)) return doubt;
    const warnings = [
      ...(facts.isInContainer && !containers
        ? [`process ${pid} of ${path} runs in a container; set containers: true if that is intended`]
        : []),
      ...(doubt === undefined ? [] : [doubt]),
    ];
    return { ok: true, detail: `pid ${pid}`, ...(warnings.length > 0 && { warning: warnings.join("; ") }) };
  };
}

function readPid(path: string, text: string): string | Failure {
  const [, pid] = /^\s*0*([1-9]\d{0,9})\s*(?:\n|$)/.exec(text) ?? [];
  if (pid !== undefined) return pid;
  const isProgram = text.startsWith("\u007fELF") || text.startsWith("#!");
  const name = path.slice(path.lastIndexOf("/") + 1);
  return failed(
    "mismatch",
    isProgram
      ? `${path} is a program, not a pid file; the name of its processes is ${name}`
      : `${path} does not contain a process number`,
  );
}

/** The wall clock's time of the boot: the earliest that was computed, so that setting the clock takes no service down. */
let bootedAt = Number.POSITIVE_INFINITY;

/** Compares a pid file's time with the start of its process and of the first process; "newer" if that is unknown. */
function compareAge(changedAt: number, facts: ProcessFacts): "newer" | "older" | "before boot" {
  if (!libc) return "newer";
  bootedAt = Math.min(bootedAt, Date.now() - clock.now());
  const at = changedAt + CLOCK_SLACK_MS - bootedAt;
  if (at < (facts.firstStartedMs ?? 0)) return "before boot";
  return at < facts.startedMs ? "older" : "newer";
}

function judgeProcess(path: string, pid: string, facts: ProcessFacts): Failure | undefined {
  const { alive, leader, own, matches } = facts;
  const it = `process ${pid} of ${path}`;
  const name = excerptOf(facts.name);
  // /proc also accepts the number of a thread.
  if (leader !== Number(pid))
    return failed("missing", `${pid} of ${path} is a thread of process ${leader}, not a process`);
  if (!alive) return failed("missing", `${it} is a zombie`);
  if (own === "itself") return failed("missing", `${it} is health-checker itself`);
  if (own) return failed("missing", `${it} belongs to a script of health-checker`);
  if (facts.isOfKernel) return failed("missing", `${it} is ${name}, a kernel thread`);
  if (!facts.hasCommandLine)
    return failed("missing", `${it} is ${name}, which has no command line: it is ending, or it is not a service`);
  if (pid === "1" && INIT_NAMES.includes(facts.name)) {
    return failed("missing", `${it} is ${name}, which starts all other processes`);
  }
  if (matches === false) return failed("mismatch", `the command line of ${it} does not match`);
  return undefined;
}
