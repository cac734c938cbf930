// Runs a program in a process group of its own, so that the whole group can be killed.
//
// A run is over when the group's leader ends or is killed, not when its output ends: a background child may hold the output
// for any time. The rest of the group is killed then. A process that left the group with setsid is not killed; if it still
// holds the output, it is reported as an orphan.

import { codeOf } from "../system/errors.ts";
import { lacksDescriptor, refillReserve, withReserve } from "../system/fd-reserve.ts";
import { withInheritedLimit } from "../system/inherited.ts";
import { F_SETFL, type Libc, libc, O_CLOEXEC, O_NONBLOCK, POLLHUP, POLLIN, SIGKILL } from "../system/libc.ts";
import { pollOnce, watch } from "../system/poll.ts";
import { CAPTURE_BYTES, createCapture, createStartCapture, type Redact } from "./capture.ts";

export interface GroupExit {
  /** Null if a signal ended it, or if its status was lost. */
  readonly exitCode: number | null;
  /** Such as "SIGSEGV"; null if it exited, or if its status was lost. */
  readonly signal: string | null;
}

/** "exited with status 3". */
export function describeExit({ exitCode, signal }: GroupExit): string {
  if (exitCode !== null) return `exited with status ${exitCode}`;
  return signal === null ? "ended, and its exit status was lost" : `ended by ${signal}`;
}

export interface Group {
  readonly pid: number;
  /** Resolves when the leader has been reaped. */
  readonly exited: Promise<GroupExit>;
  /** Sends SIGKILL to every process of the group. */
  kill(): void;
  /** What it has printed so far, stdout and stderr in order of arrival. */
  output(): string | undefined;
  /** The start of its stdout so far; empty without `stdoutBytes`. */
  stdout(): Stdout;
}

export interface Stdout {
  readonly text: string;
  /** Including what was not kept. */
  readonly totalBytes: number;
}

export interface GroupOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Called when a process outside the group still holds the output after the run. */
  readonly onOrphan: () => void;
  /** An absolute path; by default the daemon's own working folder. */
  readonly cwd?: string | undefined;
  /** How much of the start of stdout to keep separately; stdout then has a pipe of its own, which costs 20 µs. */
  readonly stdoutBytes?: number | undefined;
  /** Redacts `output()`. */
  readonly redact?: Redact | undefined;
}

/** Why `startGroup` started nothing: the code of the failed call. */
export class StartError {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

/** How long a killed process may still hold the output; after that the holder counts as an orphan. */
const ORPHAN_GRACE_MS = 150;

/** When the output is polled first: most scripts have ended by then, and all of it is read at once. */
const FIRST_POLL_MS = 5;

/** The limit for one read: more than a pipe holds, so that a process that never stops writing cannot prolong it. */
const MAX_READ_BYTES = 1024 * 1024;

/** How long the runtime may take to pass on the output of a child that has ended. */
const STREAM_GRACE_MS = 20;

/** By the pid of the leader. */
const running = new Map<number, Group>();

/** Whether the process is a leader that the runtime has not reaped yet. */
export const isLeader = (pid: number): boolean => running.has(pid);

/** The pids of the leaders of all running groups. */
export const runningGroups = (): readonly number[] => [...running.keys()];

let orphans = 0;

/** How many runs have left a process that still held their output. */
export const orphanCount = (): number => orphans;

/** How groups are saved for the next daemon (saved-groups.ts). */
export interface GroupSaver {
  /** Variables that mark the processes of the next run. */
  nextRun(): Readonly<Record<string, string>>;
  /** Called when the program of that run has started; returns what to call when the group has ended. Neither throws. */
  started(pid: number): () => void;
}

let saver: GroupSaver | undefined;

/** Applies to groups that start from now on. */
export function saveGroupsBy(next: GroupSaver | undefined): void {
  saver = next;
}

/** Kills every group that still runs, at once. */
export function killAllGroups(): void {
  for (const group of running.values()) group.kill();
}

/** Resolves when no group is left, or after `graceMs`, whichever is first. */
export async function allGroupsGone(graceMs: number): Promise<void> {
  const ends = [...running.values()].map(({ exited }) => exited);
  if (ends.length > 0) await Promise.race([Promise.all(ends), Bun.sleep(graceMs)]);
}

export function startGroup(argv: readonly string[], given: GroupOptions): Group | StartError {
  const onOrphan = () => {
    orphans++;
    given.onOrphan();
  };
  const options = { ...given, onOrphan };
  const started = tryStart(argv, options);
  if (started instanceof StartError && lacksDescriptor(started.code)) {
    return withReserve(() => tryStart(argv, options));
  }
  return started;
}

function tryStart(argv: readonly string[], options: GroupOptions): Group | StartError {
  const output = libc ? openPipes(libc, options) : openStreams(options);
  if (output instanceof StartError) return output;
  const { promise: exited, resolve: resolveExit } = Promise.withResolvers<GroupExit>();
  // The runtime may call onExit before spawn returns.
  const run: { group?: Group; exit?: GroupExit; onEnded?: () => void } = {};
  const end = () => {
    const { group, exit } = run;
    if (!group || !exit) return;
    running.delete(group.pid);
    // The kernel cannot have given its pid to another process yet: it assigns pids in turn.
    group.kill();
    run.onEnded?.();
    output.finish(() => resolveExit(exit));
    refillReserve();
  };
  try {
    const child = spawn(argv, {
      stdio: ["ignore", ...output.stdio],
      env: saver ? { ...options.env, ...saver.nextRun() } : options.env,
      ...(options.cwd !== undefined && { cwd: options.cwd }),
      detached: true,
      windowsHide: true,
      onExit: ({ signalCode }, exitCode) => {
        run.exit = { exitCode, signal: signalCode === null ? null : String(signalCode) };
        end();
      },
    });
    const { pid } = child;
    const group: Group = { pid, exited, kill: () => killGroup(child), output: output.text, stdout: output.stdout };
    run.group = group;
    running.set(pid, group);
    output.start(child);
    if (saver) run.onEnded = saver.started(pid);
    end();
    return group;
  } catch (error) {
    output.discard();
    return new StartError(codeOf(error));
  }
}

function spawn(argv: readonly string[], options: SpawnOptions): Child {
  let child: Child | undefined;
  withInheritedLimit(() => {
    child = Bun.spawn([...argv], options);
    return child.pid;
  });
  return child as Child;
}

function killGroup(child: Child): void {
  // Usually no process is left; node's kill would throw then, which costs 10 µs.
  if (libc) return void libc.kill(-child.pid, SIGKILL);
  try {
    if (process.platform === "win32") killTree(child);
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // ESRCH: no process is left.
  }
}

/** Windows knows no groups: what a leader that has ended left behind runs on, and its pid may be that of another process. */
function killTree(leader: Child): void {
  if (leader.exitCode !== null || leader.signalCode !== null) return;
  const killLeader = () => leader.kill("SIGKILL");
  const tree = ["taskkill", "/T", "/F", "/PID", String(leader.pid)];
  try {
    Bun.spawn(tree, { stdio: ["ignore", "ignore", "ignore"], windowsHide: true, onExit: killLeader });
  } catch {
    killLeader();
  }
}

type SpawnOptions = Bun.SpawnOptions.SpawnOptions<"ignore", number | "pipe", number | "pipe">;
type Child = Bun.Subprocess<"ignore", number | "pipe", number | "pipe">;

/** Where a child's stdout and stderr go. Exactly one of `start` and `discard` is called. */
interface Output {
  readonly stdio: readonly [number | "pipe", number | "pipe"];
  /** The child has started with its ends of the pipes: begin to read. */
  start(child: Child): void;
  /** The child could not start. */
  discard(): void;
  /** The child has ended: read what is there without waiting for more, then call `done`. */
  finish(done: () => void): void;
  readonly text: () => string | undefined;
  readonly stdout: () => Stdout;
}

/** The same for one pipe, where `finish` is synchronous. */
type Pipe = Pick<Output, "discard"> & { readonly writeEnd: number; start(): void; finish(): void };

const ends = new Int32Array(2);
const chunk = new Uint8Array(64 * 1024);

function openPipes(system: Libc, { onOrphan, stdoutBytes, redact }: GroupOptions): Output | StartError {
  const capture = createCapture(CAPTURE_BYTES, redact);
  const start = createStartCapture(stdoutBytes ?? 0);
  let isReported = false;
  const reportOrphan = () => {
    if (!isReported) onOrphan();
    isReported = true;
  };
  const both = openPipe(system, capture.add, reportOrphan);
  if (both instanceof StartError) return both;
  const addStdout = (bytes: Uint8Array) => {
    start.add(bytes);
    capture.add(bytes);
  };
  const own = stdoutBytes === undefined ? both : openPipe(system, addStdout, reportOrphan);
  if (own instanceof StartError) {
    both.discard();
    return own;
  }
  const pipes = own === both ? [both] : [own, both];
  return {
    stdio: [own.writeEnd, both.writeEnd],
    start() {
      for (const pipe of pipes) pipe.start();
    },
    discard() {
      for (const pipe of pipes) pipe.discard();
    },
    finish(done) {
      for (const pipe of pipes) pipe.finish();
      done();
    },
    text: capture.text,
    stdout: start.read,
  };
}

/**
 * A real pipe. Bun's "pipe" is a pair of sockets, which a script cannot open by name (`echo x >/dev/stdout`), and Bun reads
 * it without a limit.
 */
function openPipe(system: Libc, add: (bytes: Uint8Array) => void, onOrphan: () => void): Pipe | StartError {
  if (system.pipe2(ends, O_CLOEXEC) !== 0) return new StartError("EMFILE");
  const [readEnd = -1, writeEnd = -1] = ends;
  // Only our end: programs expect a blocking stdout.
  system.fcntl(readEnd, F_SETFL, O_NONBLOCK);
  let unwatch = () => {};
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    unwatch();
    system.close(readEnd);
    refillReserve();
  };
  /** Reads what is there, at most `limitBytes`; true at the end of the output. */
  const drain = (limitBytes: number): boolean => {
    for (let read = 0; read < limitBytes; ) {
      const count = system.read(readEnd, chunk, chunk.byteLength);
      if (count === 0) return true;
      if (count < 0) return false;
      add(chunk.subarray(0, count));
      read += count;
    }
    return false;
  };
  return {
    writeEnd,
    start() {
      system.close(writeEnd);
      unwatch = watch(readEnd, POLLIN, FIRST_POLL_MS, () => {
        if (open && drain(MAX_READ_BYTES)) close();
      });
    },
    discard() {
      system.close(writeEnd);
      close();
    },
    finish() {
      if (!open) return;
      unwatch();
      if (drain(MAX_READ_BYTES) || (pollOnce(system, readEnd, 0) & POLLHUP) !== 0) return close();
      // A process that was just killed takes a moment to end; one that stays longer is an orphan.
      const giveUp = setTimeout(() => {
        // After a stall of the event loop the timer fires before the end of the output is noticed.
        const isHeld = (pollOnce(system, readEnd, 0) & POLLHUP) === 0;
        close();
        if (isHeld) onOrphan();
      }, ORPHAN_GRACE_MS);
      unwatch = watch(readEnd, 0, 1, () => {
        clearTimeout(giveUp);
        close();
      });
    },
  };
}

/** The same on systems other than Linux, by the runtime's streams. */
function openStreams({ stdoutBytes, redact }: GroupOptions): Output {
  const capture = createCapture(CAPTURE_BYTES, redact);
  const start = createStartCapture(stdoutBytes ?? 0);
  const readers: { cancel(): Promise<void> }[] = [];
  const reading: Promise<void>[] = [];
  const readAll = async (stream: ReadableStream<Uint8Array>, add: (bytes: Uint8Array) => void) => {
    const reader = stream.getReader();
    readers.push(reader);
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        add(value);
      }
    } catch {
      // Cancelled by `finish`, or broken by the child: what was read counts.
    }
  };
  const addStdout = (bytes: Uint8Array) => {
    start.add(bytes);
    capture.add(bytes);
  };
  return {
    stdio: ["pipe", "pipe"],
    start({ stdout, stderr }) {
      if (stdout instanceof ReadableStream) reading.push(readAll(stdout, addStdout));
      if (stderr instanceof ReadableStream) reading.push(readAll(stderr, capture.add));
    },
    discard() {},
    finish(done) {
      const cancel = () => {
        for (const reader of readers) reader.cancel().catch(() => {});
      };
      if (stdoutBytes !== undefined) {
        void Promise.race([Promise.all(reading), Bun.sleep(STREAM_GRACE_MS)])
          .then(cancel)
          .then(done);
        return;
      }
      // One turn of the event loop for output that has arrived, no more.
      setImmediate(cancel);
      done();
    },
    text: capture.text,
    stdout: start.read,
  };
}
