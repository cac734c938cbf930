// process: passes when at least `min` and at most `max` processes of that name live; of a pid
// file, when the process whose number it holds does, and may be the one that wrote it.
//
// The name is the one that `pgrep -x` goes by. A zombie does not live, nor does what
// runs in a container count, nor the daemon and its scripts. What several
// checks ask at the same moment is found by one look at all processes.

import { whyHidden, whyProcessesHidden } from "../probing/files/hidden.ts";
import type { Matching, ProcessFacts } from "../probing/processes/proc.ts";
import { type Failure, failed, type Outcome } from "./check.ts";
import { type Field, flag, type Pattern, pattern, takes, wholeNumber } from "./keys/fields.ts";
import { defineKind } from "./kind.ts";
import { cannotLook, isMissing } from "./paths.ts";

/** A pid file holds a number; PostgreSQL's some lines more. */
const PID_FILE_BYTES = 1024;

/** How many the kernel may have at most. */
const MAX_PROCESSES = 4_194_304;

/** Longer than any file's name. */
const MAX_NAME_BYTES = 255;

export const processName: Field<string> = {
  expected: "the name of a program without its path, or the path of a pid file",
  json: { type: "string", minLength: 1, examples: ["nginx", "/run/nginx.pid"] },
  read(given) {
    if (typeof given === "number" || typeof given === "boolean") return { hint: "in quotes it would be a text" };
    if (typeof given !== "string") return {};
    if (given === "" || given.includes("\0")) return {};
    if (/^\/.*\/[a-z]*$/.test(given) && /[.*+?^$()[\]{}|\\]/.test(given)) {
      return { hint: "a regular expression goes into matching, beside the name of the program" };
    }
    if (given.endsWith("/")) return { hint: "the path of a pid file has no slash at the end" };
    if (given.startsWith("/")) return { value: given };
    if (given.includes("/")) return { hint: "a path begins with a slash, a name has none" };
    if (Buffer.byteLength(given) > MAX_NAME_BYTES) return { expected: `at most ${MAX_NAME_BYTES} bytes` };
    return { value: given };
  },
};

export const process = defineKind({
  name: "process",
  value: "NAME",
  rule: "at least min processes of that name live, and at most max, or the one whose number stands in the pid file",
  shape: (z) => ({
    process: takes(z, processName, "the name of a program as pgrep -x knows it; or the path of a pid file"),
    matching: takes(
      z,
      pattern,
      "what its command line must hold, the words joined with blanks: a text, or a /regular expression/",
    ).optional(),
    min: takes(
      z,
      wholeNumber(0, MAX_PROCESSES),
      "how many there must be at least; by default 1, with max: 0 none",
    ).optional(),
    max: takes(z, wholeNumber(0, MAX_PROCESSES), "how many there may be at most; 0: none may run").optional(),
    containers: takes(z, flag, "count those that run in containers too (in PID namespaces below this one)").prefault(
      false,
    ),
  }),
  conflict({ process, min, max }) {
    if (process.startsWith("/")) {
      const key = min !== undefined ? "min" : max !== undefined ? "max" : undefined;
      return key && { path: [key], expected: "no such key beside a pid file", got: "both" };
    }
    if (min === 0 && max === undefined) return { path: ["min"], expected: "max beside 0", got: "none" };
    if (max !== undefined && max < (min ?? 0)) {
      return { path: ["max"], expected: `at least min, ${min}`, got: String(max) };
    }
    return undefined;
  },
  target: ({ process, matching }) => (matching ? `${process} matching ${matching.text}` : process),
  paths: ({ process }) => (process.startsWith("/") ? [process] : []),
  probe: (settings) => (settings.process.startsWith("/") ? pidFileProbe(settings) : nameProbe(settings)),
});

interface Settings {
  readonly process: string;
  readonly matching?: Pattern | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly containers: boolean;
}

/** As it goes to another thread. */
const plainMatching = (matching: Pattern | undefined): Matching | undefined =>
  matching && {
    text: matching.text,
    ...(matching.expression && {
      expression: { source: matching.expression.source, flags: matching.expression.flags },
    }),
  };

const HIDDEN = "/proc hides the processes of others";

function nameProbe({ process: name, matching, max, min = max === 0 ? 0 : 1, containers }: Settings) {
  const loading = import("../probing/processes/by-name.ts");
  const sought = { name, matching: plainMatching(matching), containers };
  return async (signal: AbortSignal): Promise<Outcome> => {
    const { countProcesses } = await loading;
    const counted = await countProcesses(sought, signal);
    if ("reason" in counted) return counted;
    const { alive, zombies, own, inContainers, unmatched, complete } = counted;
    const elsewhere =
      inContainers > 0
        ? [`${inContainers} in ${inContainers === 1 ? "a container does" : "containers do"} not count`]
        : [];
    const running = alive === 0 ? describeNone(name, matching) : `${alive} of ${name} running`;
    if (max !== undefined && alive > max) {
      return failed("missing", `${running}, expected ${max === 0 ? "none" : `at most ${max}`}`);
    }
    const hidden = complete ? [] : [whyProcessesHidden() ?? HIDDEN];
    if (alive >= min) {
      // What cannot be seen may be one too many.
      if (max !== undefined && !complete)
        return failed("unreachable", `cannot count all processes ${name} (${hidden})`);
      return { ok: true, detail: `${alive} running${inBrackets(elsewhere)}` };
    }
    const seen = [
      ...(unmatched > 0 ? [`${unmatched} of that name ${unmatched === 1 ? "does" : "do"} not match`] : []),
      ...elsewhere,
      ...(own > 0 ? [`${own} of health-checker's own ${own === 1 ? "does" : "do"} not count`] : []),
      ...(zombies > 0 ? [`${zombies} ${zombies === 1 ? "zombie does" : "zombies do"} not count`] : []),
      ...hidden,
    ];
    const wanted = min === 1 ? "" : `, expected at least ${min}`;
    return failed("missing", `${running}${wanted}${inBrackets(seen)}`);
  };
}

const inBrackets = (notes: readonly string[]): string => (notes.length > 0 ? ` (${notes.join("; ")})` : "");

const describeNone = (name: string, matching: Pattern | undefined): string =>
  `no process ${name}${matching ? " with a command line that matches" : ""} is running`;

function pidFileProbe({ process: path, matching, containers }: Settings) {
  const loading = import("../probing/files/filesystem.ts");
  const running = import("../probing/processes/group.ts");
  const noProcess = async (pid: string, code: string, signal: AbortSignal): Promise<Failure> => {
    if (!isMissing(code) && code !== "ESRCH") {
      const failure = cannotLook(`process ${pid} of ${path}`, code);
      const why = code === "EPERM" ? whyProcessesHidden() : undefined;
      return why === undefined ? failure : { ...failure, message: `${failure.message}; ${why}` };
    }
    // The first process is always there: who does not see it does not see all.
    const first = await (await loading).askFileSystem({ ask: "stat", path: "/proc/1" }, signal);
    const hidden = "code" in first && isMissing(first.code) ? ` (${whyProcessesHidden() ?? HIDDEN})` : "";
    return failed("missing", `process ${pid} of ${path} is not running${hidden}`);
  };
  return async (signal: AbortSignal): Promise<Outcome> => {
    const { askFileSystem } = await loading;
    const file = await askFileSystem({ ask: "read", path, limitBytes: PID_FILE_BYTES }, signal);
    if ("reason" in file) return file;
    if ("code" in file) return noPidFile(path, file.code);
    const { text, type } = file.value;
    if (text === undefined) return failed("mismatch", `${path} is a ${type}, expected a pid file`);
    const [, pid] = /^\s*0*([1-9]\d{0,9})\s*(?:\n|$)/.exec(text) ?? [];
    if (pid === undefined) return failed("mismatch", `${path} does not hold the number of a process`);
    const question = { ask: "process", path: `/proc/${Number(pid)}`, matching: plainMatching(matching) } as const;
    const found = await askFileSystem({ ...question, scripts: (await running).runningGroups() }, signal);
    if ("reason" in found) return found;
    if ("code" in found) return noProcess(pid, found.code, signal);
    const facts = found.value;
    const failure = judgeProcess(path, pid, facts);
    if (failure) return failure;
    return {
      ok: true,
      detail: `pid ${pid}`,
      ...(facts.isInContainer &&
        !containers && {
          warning: `process ${pid} of ${path} runs in a container; containers: true says that it should`,
        }),
    };
  };
}

function judgeProcess(path: string, pid: string, facts: ProcessFacts): Failure | undefined {
  const { alive, leader, own, matches } = facts;
  const it = `process ${pid} of ${path}`;
  // The number of a thread may be looked up as that of a process.
  if (leader !== Number(pid))
    return failed("missing", `${pid} of ${path} is a thread of process ${leader}, no process`);
  if (!alive) return failed("missing", `${it} is a zombie`);
  if (own)
    return failed(
      "missing",
      own === "itself" ? `${it} is health-checker itself` : `${it} belongs to a script of health-checker`,
    );
  if (matches === false) return failed("mismatch", `the command line of ${it} does not match`);
  return undefined;
}

const noPidFile = (path: string, code: string): Failure =>
  isMissing(code)
    ? failed("missing", `the pid file ${path} does not exist${whyHidden(path, code)}`)
    : cannotLook(path, code);
