// Runs a command in this process, with an `Io` that collects what it prints.

import type { Io } from "../../src/cli/io.ts";
import { run } from "../../src/cli/run.ts";

export interface Printed {
  /** Without the last newline. */
  readonly out: string;
  /** Lines: problems, warnings. */
  readonly err: readonly string[];
  readonly status: number;
}

/** `argv` is what follows the name of the program; it must not start a daemon. */
export async function runCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Printed> {
  const out: string[] = [];
  const err: string[] = [];
  const onErr = (text: string) => {
    err.push(text);
  };
  const io: Io = {
    async out(text) {
      out.push(text);
      return undefined;
    },
    error: onErr,
    warning: onErr,
  };
  const status = await run(argv, { env, io });
  if (typeof status !== "number") throw new Error(`${argv.join(" ")} started a daemon`);
  return { out: out.join("\n"), err, status };
}

/** What it prints where nothing is wrong. */
export const printed = (out: string, warnings: readonly string[] = []): Printed => ({ out, err: warnings, status: 0 });

/** How it refuses a command line: with these lines, and where to read on. `command` is one that has a help of its own. */
export const refusal = (lines: readonly string[], command?: string): Printed => ({
  out: "",
  err: [...lines, `Try 'health-checker ${command === undefined ? "" : `${command} `}--help'.`],
  status: 2,
});

/** How it refuses a file: the help says nothing about it. */
export const fileRefusal = (lines: readonly string[]): Printed => ({ out: "", err: lines, status: 2 });

/** The problems of a command line that is refused; throws for one that is not. */
export async function problemsOf(
  argv: readonly string[],
  env?: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const { out, err, status } = await runCommand(argv, env);
  if (status !== 2 || out !== "") {
    throw new Error(`${argv.join(" ")} exited with ${status}: ${[out, ...err].join("\n")}`);
  }
  return err.filter((line) => !line.startsWith("Try 'health-checker "));
}
