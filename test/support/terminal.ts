// A shell that a test types commands into, one by one, as an operator does.

import { until } from "./until.ts";

export interface Terminal extends AsyncDisposable {
  /** Resolves once the shell is back, with what was printed on both streams meanwhile. */
  run(command: string): Promise<Typed>;
}

export interface Typed {
  /** Without the last newline. */
  readonly out: string;
  readonly status: number;
}

/** Ends what the shell prints of a command. */
const MARK = "\u001e";

/** bash's own notices of a background job that a signal ended; a shell without a terminal words them in its own way. */
const JOB_NOTICE = /^bash: line \d+: +\d+ Terminated .*\n/gm;

/** Its background jobs end with it. `env` is all of its environment. */
export function openTerminal(cwd: string, env: Readonly<Record<string, string>>): Terminal {
  const shell = Bun.spawn(["bash", "-c", "exec bash --norc --noprofile 2>&1"], {
    cwd,
    env: { ...env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "ignore",
  });
  let printed = "";
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of shell.stdout) printed += decoder.decode(chunk, { stream: true });
  };
  const ended = read();
  const run = async (command: string) => {
    printed = "";
    shell.stdin.write(`{ ${command}\n} < /dev/null\nprintf '${MARK}%s\\n' $?\n`);
    shell.stdin.flush();
    const [, out = "", status] = await until(
      () => new RegExp(`^(.*)${MARK}(\\d+)\\n$`, "s").exec(printed),
      60_000,
      `the end of: ${command}`,
    ).catch((error) => {
      throw new Error(`${error.message}; it printed: ${printed}`);
    });
    return { out: out.replace(JOB_NOTICE, "").replace(/\n$/, ""), status: Number(status) };
  };
  return {
    run,
    async [Symbol.asyncDispose]() {
      shell.stdin.write("kill -KILL $(jobs -p) 2> /dev/null; wait; exit\n");
      shell.stdin.end();
      await shell.exited;
      await ended;
    },
  };
}
