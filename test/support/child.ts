// A program that a test starts and that ends with the test.

export interface ChildOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Whole lines of stdout and of stderr so far. */
  readonly out: readonly string[];
  readonly err: readonly string[];
  /** 128 + N where signal N ended it. */
  readonly exited: Promise<number>;
  /** Resolves once both streams have ended, so that `out` and `err` are whole. */
  readonly ended: Promise<unknown>;
  hasExited(): boolean;
  kill(signal: NodeJS.Signals): void;
}

/** One that was asked to end and has not after this long is asked again, then killed. */
const END_MS = 2000;

export function startChild(command: readonly string[], { cwd = "/", env = {} }: ChildOptions = {}): Child {
  const child = Bun.spawn([...command], {
    cwd,
    env: { ...plainEnvironment(), ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  const [out, err] = [readLines(child.stdout), readLines(child.stderr)];
  return {
    pid: child.pid,
    out: out.lines,
    err: err.lines,
    ended: Promise.all([out.ended, err.ended]),
    exited: child.exited,
    hasExited,
    kill: (signal) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      for (const signal of ["SIGTERM", "SIGTERM", "SIGKILL"] as const) {
        if (hasExited()) return;
        // One that a test has stopped would not hear the signal.
        child.kill("SIGCONT");
        child.kill(signal);
        await Promise.race([child.exited, Bun.sleep(END_MS)]);
      }
    },
  };
}

/** What every program needs, and nothing of the user who runs the tests. */
export function plainEnvironment(): Record<string, string> {
  const { PATH = "/usr/bin:/bin", HOME = "/" } = process.env;
  return { PATH: `${PATH}:/usr/sbin:/sbin`, HOME };
}

/** Whole lines of a stream as they come; the array grows. */
export const collectLines = (stream: ReadableStream<Uint8Array>): readonly string[] => readLines(stream).lines;

function readLines(stream: ReadableStream<Uint8Array>) {
  const lines: string[] = [];
  const read = async () => {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      const parts = `${rest}${decoder.decode(chunk, { stream: true })}`.split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
    }
    if (rest !== "") lines.push(rest);
  };
  return { lines: lines as readonly string[], ended: read() };
}
