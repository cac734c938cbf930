// The service as an operator sees it from a shell on its host: systemctl, the journal, a request.

import { readdir, readFile } from "node:fs/promises";
import { type Answer, askAt } from "../../../support/ask.ts";
import { until } from "../../../support/until.ts";

export const UNIT = "health-checker.service";
export const PROGRAM = "/usr/local/bin/health-checker";
export const CONFIG = "/etc/health-checker/config.yaml";
export const PORT = 5000;

/** Emulated, everything takes some twenty times as long. */
export const SLOW_MS = 30_000;

export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function run(...command: readonly string[]): Promise<Ran> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { status, out: out.trim(), err: err.trim() };
}

/** Its output; throws where it fails. */
export async function must(...command: readonly string[]): Promise<string> {
  const { status, out, err } = await run(...command);
  if (status !== 0) throw new Error(`${command.join(" ")} exited with ${status}: ${out} ${err}`);
  return out;
}

/** Undefined where nobody answers. */
export const ask = (path = "/"): Promise<Answer | undefined> =>
  askAt(`http://127.0.0.1:${PORT}${path}`).catch(() => undefined);

/** Waits until the daemon answers like that. */
export async function answers(status: number, body: string, path = "/"): Promise<void> {
  let last: Answer | undefined;
  const right = async () => {
    last = await ask(path);
    return last?.status === status && last.body === body;
  };
  await until(right, SLOW_MS, `${status} ${body} at ${path}`).catch((error) => {
    throw new Error(`${error.message}; got ${last ? `${last.status} ${last.body}` : "no answer"}`);
  });
}

/** As `systemctl show` prints it. */
export const property = (name: string, unit = UNIT): Promise<string> =>
  must("systemctl", "show", "--value", `--property=${name}`, unit);

/** Throws where there is none: signals to process 0 would go to the drill itself. */
export async function mainPid(): Promise<number> {
  const pid = Number(await property("MainPID"));
  if (pid === 0) throw new Error(`it has no main process; it is ${await property("ActiveState")}`);
  return pid;
}

/** Processes in the unit's cgroup and below it; none where it is gone. */
export async function cgroup(): Promise<readonly number[]> {
  const root = `/sys/fs/cgroup/system.slice/${UNIT}`;
  const folders = await readdir(root, { withFileTypes: true, recursive: true }).catch(() => []);
  const paths = [
    root,
    ...folders.filter((entry) => entry.isDirectory()).map((entry) => `${entry.parentPath}/${entry.name}`),
  ];
  const lists = await Promise.all(paths.map((path) => readFile(`${path}/cgroup.procs`, "utf8").catch(() => "")));
  return lists.flatMap((list) => list.split("\n").filter(Boolean).map(Number));
}

export interface JournalLine {
  readonly message: string;
  /** 3 error, 4 warning, 6 info, 7 debug. */
  readonly priority: number;
  readonly pid: number;
  /** Milliseconds, monotonic. */
  readonly at: number;
  /** Who wrote it: "health-checker", or "systemd" of the unit. */
  readonly from: string;
}

/** What the journal has of the unit, by the daemon and by systemd; since `cursor`. */
export async function journal(cursor?: string): Promise<readonly JournalLine[]> {
  const since = cursor ? [`--after-cursor=${cursor}`] : [];
  const text = await must("journalctl", "--unit", UNIT, "--output=json", "--no-pager", "--quiet", ...since);
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const entry = JSON.parse(line) as Readonly<Record<string, unknown>>;
      return {
        message: String(entry["MESSAGE"]),
        priority: Number(entry["PRIORITY"]),
        pid: Number(entry["_PID"]),
        at: Number(entry["__MONOTONIC_TIMESTAMP"]) / 1000,
        from: String(entry["SYSLOG_IDENTIFIER"]),
      };
    });
}

/** Where what the journal has of the unit ends now. Of another's line `--after-cursor` would leave out the one behind it too. */
export async function journalEnd(): Promise<string> {
  const last = ["--lines=1", "--show-cursor", "--no-pager", "--quiet", "--output=cat"];
  return /^-- cursor: (.*)$/m.exec(await must("journalctl", "--unit", UNIT, ...last))?.[1] ?? "";
}

/** Waits for a line of the unit's after `cursor`. */
export async function journalHas(pattern: RegExp, cursor?: string): Promise<JournalLine> {
  let lines: readonly JournalLine[] = [];
  const found = async () => {
    lines = await journal(cursor);
    return lines.find(({ message }) => pattern.test(message));
  };
  return await until(found, SLOW_MS, `${pattern} in the journal`).catch((error) => {
    throw new Error(`${error.message}; it has ${lines.map(({ from, message }) => `${from}: ${message}`).join("; ")}`);
  });
}

/** `systemctl COMMAND` for the unit; throws where it fails. */
export const systemctl = (command: string, ...words: readonly string[]): Promise<string> =>
  must("systemctl", command, ...words, UNIT);
