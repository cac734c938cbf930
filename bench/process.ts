// Processes pinned to one core. Each of them is ended by its own pid, however the benchmark ends.

import { readdirSync, readFileSync } from "node:fs";

export interface Pinned {
  readonly pid: number;
  /** Its whole stdout, once it has ended. */
  readonly printed: Promise<string>;
  /** The first line it prints. */
  readonly firstLine: Promise<string>;
  /** False once it has ended. */
  alive(): boolean;
  /** utime + stime so far, of the process without its children. */
  cpuMs(): number;
  /** VmRSS and VmHWM. */
  memoryBytes(): { readonly now: number; readonly peak: number };
  /** SIGTERM, then SIGKILL; resolves when it has been reaped. */
  end(): Promise<void>;
}

/** What a thread has used so far. */
export interface Thread {
  readonly id: number;
  readonly name: string;
  readonly cpuMs: number;
  /** How often it has waited for something. */
  readonly wakeUps: number;
}

const END_GRACE_MS = 8000;

/** USER_HZ, which is 100 on every Linux architecture. */
const MS_PER_TICK = 10;

const living = new Set<Bun.Subprocess>();

export function startPinned(core: number, argv: readonly string[]): Pinned {
  // taskset becomes the program, so its pid is the program's.
  const child = Bun.spawn(["taskset", "-c", String(core), ...argv], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: "/",
    onExit(ended) {
      living.delete(ended);
    },
  });
  living.add(child);
  const [head, whole] = child.stdout.tee();
  return {
    pid: child.pid,
    printed: new Response(whole).text(),
    firstLine: readLine(head),
    alive: () => child.exitCode === null && child.signalCode === null,
    cpuMs: () => cpuMs(child.pid),
    memoryBytes: () => memoryBytes(child.pid),
    async end() {
      child.kill("SIGTERM");
      const insist = setTimeout(() => child.kill("SIGKILL"), END_GRACE_MS);
      await child.exited;
      clearTimeout(insist);
    },
  };
}

/** For the end: no process outlives the benchmark. */
export function killAll(): void {
  for (const child of living) child.kill("SIGKILL");
}

/** The cores this process may use, in order. */
export function allowedCores(): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** Moves this process, and what it starts without a core of its own, to one core. */
export function pinSelf(core: number): void {
  Bun.spawnSync(["taskset", "-a", "-c", "-p", String(core), String(process.pid)]);
}

function cpuMs(pid: number): number {
  // The name in brackets may hold spaces; the fields after it are plain: utime is the 14th of all.
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
}

/** The threads that have not ended, the main one first. By the scheduler, which counts nanoseconds. */
export function threadsOf(pid: number): readonly Thread[] {
  const ids = readdirSync(`/proc/${pid}/task`).map(Number);
  return ids.sort((one, other) => one - other).flatMap((id) => threadOf(pid, id) ?? []);
}

function threadOf(pid: number, id: number): Thread | undefined {
  try {
    const read = (name: string) => readFileSync(`/proc/${pid}/task/${id}/${name}`, "utf8");
    const wakeUps = Number(/^voluntary_ctxt_switches:\s*(\d+)/m.exec(read("status"))?.[1] ?? 0);
    return { id, name: read("comm").trim(), cpuMs: Number(read("schedstat").split(" ")[0]) / 1e6, wakeUps };
  } catch {
    return undefined; // it has ended meanwhile
  }
}

function memoryBytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) => Number(new RegExp(`^${name}:\\s*(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * 1024;
  return { now: field("VmRSS"), peak: field("VmHWM") };
}

async function readLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: !done });
    const end = text.indexOf("\n");
    if (done || end >= 0) {
      void reader.cancel();
      return end < 0 ? text : text.slice(0, end);
    }
  }
}
