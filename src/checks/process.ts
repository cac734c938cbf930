// process: passes when at least `min` processes of that name live; of a pid file,
// when the process whose number it holds does.
//
// The name is the one that `pgrep -x` goes by. A zombie does not live. What several
// checks ask at the same moment is found by one look at all processes.

import { whyHidden, whyProcessesHidden } from "../probing/files/hidden.ts";
import { type Failure, failed, type Outcome } from "./check.ts";
import { type Field, takes, wholeNumber } from "./keys/fields.ts";
import { defineKind } from "./kind.ts";
import { cannotLook, isMissing } from "./paths.ts";

/** A pid file holds a number; PostgreSQL's some lines more. */
const PID_FILE_BYTES = 1024;
const STATUS_BYTES = 4096;

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
    if (given.startsWith("/")) return { value: given };
    if (given.includes("/")) return { hint: "a path begins with a slash, a name has none" };
    if (Buffer.byteLength(given) > MAX_NAME_BYTES) return { expected: `at most ${MAX_NAME_BYTES} bytes` };
    return { value: given };
  },
};

export const process = defineKind({
  name: "process",
  value: "NAME",
  rule: "at least min processes of that name live, or the one whose number stands in the pid file",
  shape: (z) => ({
    process: takes(z, processName, "the name of a program as pgrep -x knows it; or the path of a pid file"),
    min: takes(z, wholeNumber(1, MAX_PROCESSES), "how many there must be at least; 1 where nothing is said").optional(),
  }),
  conflict: ({ process, min }) =>
    process.startsWith("/") && min !== undefined
      ? { path: ["min"], expected: "no such key beside a pid file", got: "both" }
      : undefined,
  target: ({ process }) => process,
  paths: ({ process }) => (process.startsWith("/") ? [process] : []),
  probe({ process: target, min = 1 }) {
    if (target.startsWith("/")) return pidFileProbe(target);
    const loading = import("../probing/processes/by-name.ts");
    return async (signal) => {
      const { countProcesses } = await loading;
      const counted = await countProcesses(target, signal);
      return "reason" in counted ? counted : judge(target, min, counted);
    };
  },
});

const HIDDEN = "/proc hides the processes of others";

function judge(name: string, min: number, counted: { alive: number; zombies: number; complete: boolean }): Outcome {
  const { alive, zombies, complete } = counted;
  if (alive >= min) return { ok: true, detail: `${alive} running` };
  const seen = [
    ...(zombies > 0 ? [`${zombies} ${zombies === 1 ? "zombie does" : "zombies do"} not count`] : []),
    ...(complete ? [] : [whyProcessesHidden() ?? HIDDEN]),
  ];
  const found = alive === 0 ? `no process ${name} is running` : `${alive} of ${name} running`;
  const wanted = min === 1 ? "" : `, expected at least ${min}`;
  return failed("missing", `${found}${wanted}${seen.length > 0 ? ` (${seen.join("; ")})` : ""}`);
}

function pidFileProbe(path: string): (signal: AbortSignal) => Promise<Outcome> {
  const loading = import("../probing/files/filesystem.ts");
  const read = async (path: string, limitBytes: number, signal: AbortSignal) =>
    (await loading).askFileSystem({ ask: "read", path, limitBytes }, signal);
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
  return async (signal) => {
    const file = await read(path, PID_FILE_BYTES, signal);
    if ("reason" in file) return file;
    if ("code" in file) return noPidFile(path, file.code);
    const { text, type } = file.value;
    if (text === undefined) return failed("mismatch", `${path} is a ${type}, expected a pid file`);
    const [, pid] = /^\s*0*([1-9]\d{0,9})\s*(?:\n|$)/.exec(text) ?? [];
    if (pid === undefined) return failed("mismatch", `${path} does not hold the number of a process`);
    const status = await read(`/proc/${pid}/status`, STATUS_BYTES, signal);
    if ("reason" in status) return status;
    if ("code" in status) return noProcess(pid, status.code, signal);
    return judgeStatus(path, pid, status.value.text ?? "");
  };
}

function judgeStatus(path: string, pid: string, status: string): Outcome {
  const [, state = ""] = /^State:\s+(\S)/m.exec(status) ?? [];
  if ("ZXx".includes(state)) return failed("missing", `process ${pid} of ${path} is a zombie`);
  // The number of a thread may be looked up as that of a process.
  const [, leader] = /^Tgid:\s+(\d+)/m.exec(status) ?? [];
  if (leader !== pid) return failed("missing", `${pid} of ${path} is a thread of process ${leader}, no process`);
  return { ok: true, detail: `pid ${pid}` };
}

const noPidFile = (path: string, code: string): Failure =>
  isMissing(code)
    ? failed("missing", `the pid file ${path} does not exist${whyHidden(path, code)}`)
    : cannotLook(path, code);
