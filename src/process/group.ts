// A program in a process group of its own, so that the whole group can be killed.
//
// A group's run is over when its leader ends or is killed, never when its output
// ends: a child in the background may hold the output for as long as it likes. The
// rest of the group is killed then. A process that left the group with setsid is not
// ours to kill; if it still holds the output, it is reported as an orphan.

import { codeOf } from "../system/errors.ts";
import { lacksDescriptor, refillReserve, withReserve } from "../system/fd-reserve.ts";
import { withInheritedLimit } from "../system/inherited.ts";
import { F_SETFL, type Libc, libc, O_CLOEXEC, O_NONBLOCK, POLLHUP, POLLIN, SIGKILL } from "../system/libc.ts";
import { pollOnce, watch } from "../system/poll.ts";
import { CAPTURE_BYTES, createCapture, createStart, type Redact } from "./capture.ts";

export interface GroupExit {
  /** Null when a signal ended it, and when its status was lost. */
  readonly exitCode: number | null;
  /** Such as "SIGSEGV"; null when it ended by itself, and when its status was lost. */
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
  /** SIGKILL to every process of the group. */
  kill(): void;
  /** What it printed so far, stdout and stderr as they came. */
  output(): string | undefined;
  /** The start of its stdout so far, where `stdoutBytes` asked for it. */
  stdout(): Stdout;
}

export interface Stdout {
  readonly text: string;
  /** How much there was, kept or not. */
  readonly totalBytes: number;
}

export interface GroupOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Called when a process outside the group still holds the output after the run. */
  readonly onOrphan: () => void;
  /** An absolute path; the daemon's own folder where there is none. */
  readonly cwd?: string | undefined;
  /** Keep so much of the start of stdout by itself; it then has a pipe of its own, which costs 20 µs. */
  readonly stdoutBytes?: number | undefined;
  /** Of `output()`. */
  readonly redact?: Redact | undefined;
}

/** Why `startGroup` started nothing: the code of the failed call. */
export class StartError {
  readonly code: string;
  constructor(code: string) {
    this.code = code;
  }
}

/** How long a killed group's last process may take to let go of the output before it counts as an orphan. */
const ORPHAN_GRACE_MS = 150;

/** Most scripts have ended by then, and their output is read in one go. */
const FIRST_LOOK_MS = 5;

/** More than a pipe holds, so that an end that never stops writing cannot keep the last read going. */
const LAST_READ_BYTES = 1024 * 1024;

/** What the runtime may take to hand on what an ended child has printed. */
const STREAM_GRACE_MS = 20;

/** By the number of the leader. */
const living = new Map<number, Group>();

/** Whether the runtime has still to reap it. */
export const isLeader = (pid: number): boolean => living.has(pid);

/** The leaders of the groups that run now. */
export const runningGroups = (): readonly number[] => [...living.keys()];

/** How groups are saved for the next daemon (saved-groups.ts). */
export interface GroupSaver {
  /** Variables that mark the processes of the next run. */
  nextRun(): Readonly<Record<string, string>>;
  /** The program of that run has started. What it returns is called when the group has been ended. Neither throws. */
  started(pid: number): () => void;
}

let saver: GroupSaver | undefined;

/** For groups that are started from now on. */
export function saveGroupsBy(next: GroupSaver | undefined): void {
  saver = next;
}

/** Kills every group that still runs, at once. */
export function killAllGroups(): void {
  for (const group of living.values()) group.kill();
}

/** Resolves when no group is left, or after `graceMs`, whichever is first. */
export async function allGroupsGone(graceMs: number): Promise<void> {
  const ends = [...living.values()].map(({ exited }) => exited);
  if (ends.length > 0) await Promise.race([Promise.all(ends), Bun.sleep(graceMs)]);
}

export function startGroup(argv: readonly string[], options: GroupOptions): Group | StartError {
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
  const run: { group?: Group; exit?: GroupExit; forget?: () => void } = {};
  const end = () => {
    const { group, exit } = run;
    if (!group || !exit) return;
    living.delete(group.pid);
    // Its number cannot have been given away yet: the kernel hands them out in turn.
    group.kill();
    run.forget?.();
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
    const group: Group = { pid, exited, kill: () => killGroup(pid), output: output.text, stdout: output.stdout };
    run.group = group;
    living.set(pid, group);
    output.start(child);
    if (saver) run.forget = saver.started(pid);
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

function killGroup(pid: number): void {
  // Nothing being left is the usual case, for which node's kill throws: 10 µs.
  if (libc) return void libc.kill(-pid, SIGKILL);
  try {
    if (process.platform === "win32")
      Bun.spawn(["taskkill", "/T", "/F", "/PID", String(pid)], { stdio: ["ignore", "ignore", "ignore"] });
    else process.kill(-pid, "SIGKILL");
  } catch {
    // ESRCH: nothing of it is left.
  }
}

type SpawnOptions = Bun.SpawnOptions.SpawnOptions<"ignore", number | "pipe", number | "pipe">;
type Child = Bun.Subprocess<"ignore", number | "pipe", number | "pipe">;

/** Where a child's stdout and stderr go. Exactly one of `start` and `discard` is called. */
interface Output {
  readonly stdio: readonly [number | "pipe", number | "pipe"];
  /** The child has its ends: begin to read. */
  start(child: Child): void;
  /** There will be no child. */
  discard(): void;
  /** The child has ended: read what is there, then call `done`; wait for no more. */
  finish(done: () => void): void;
  readonly text: () => string | undefined;
  readonly stdout: () => Stdout;
}

/** The same of one pipe, whose end is read at once. */
type Pipe = Pick<Output, "discard"> & { readonly writeEnd: number; start(): void; finish(): void };

const ends = new Int32Array(2);
const chunk = new Uint8Array(64 * 1024);

function openPipes(system: Libc, { onOrphan, stdoutBytes, redact }: GroupOptions): Output | StartError {
  const capture = createCapture(CAPTURE_BYTES, redact);
  const start = createStart(stdoutBytes ?? 0);
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
 * A real pipe. Bun's own is a pair of sockets, which a script cannot open by
 * name (`echo x >/dev/stdout`), and reads ahead without bound.
 */
function openPipe(system: Libc, add: (bytes: Uint8Array) => void, onOrphan: () => void): Pipe | StartError {
  if (system.pipe2(ends, O_CLOEXEC) !== 0) return new StartError("EMFILE");
  const [readEnd = -1, writeEnd = -1] = ends;
  // Of our end alone: a script must not find its stdout non-blocking.
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
      unwatch = watch(readEnd, POLLIN, FIRST_LOOK_MS, () => {
        if (open && drain(LAST_READ_BYTES)) close();
      });
    },
    discard() {
      system.close(writeEnd);
      close();
    },
    finish() {
      if (!open) return;
      unwatch();
      if (drain(LAST_READ_BYTES) || (pollOnce(system, readEnd, 0) & POLLHUP) !== 0) return close();
      // A process that was just killed may take a moment to end; one that stays longer is an orphan.
      const giveUp = setTimeout(() => {
        // If the loop stood still, the timer fires before the end of the output is seen.
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

/** For systems other than Linux. */
function openStreams({ stdoutBytes, redact }: GroupOptions): Output {
  const capture = createCapture(CAPTURE_BYTES, redact);
  const start = createStart(stdoutBytes ?? 0);
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
      // Cancelled by `finish`, or broken by the child: what was read stands.
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
      // One turn for the output that has arrived; there is no longer wait.
      setImmediate(cancel);
      done();
    },
    text: capture.text,
    stdout: start.read,
  };
}
