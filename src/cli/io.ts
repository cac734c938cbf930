// What a command uses of its process: stdout for results, stderr for problems and warnings. A command returns its exit
// status and does not exit.

import { createComplaints } from "../log/journal.ts";
import { causeOf, codeOf } from "../system/errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export const DONE = 0;
export const FAILED = 1;
/** An error on the command line or in the config file. */
export const USAGE = 2;
/** The state of the host is not known: no daemon answers. */
export const CANNOT_TELL = 3;

/** Each text is one line or several, without the last newline. */
export interface Io {
  /** To stdout. Resolves with the code of an error, or with undefined; a reader that has gone is no error. Never rejects. */
  readonly out: (text: string) => Promise<string | undefined>;
  readonly error: (text: string) => void;
  readonly warning: (text: string) => void;
}

export const processIo = (env: Environment): Io => ({
  ...createComplaints(env["JOURNAL_STREAM"]),
  async out(text) {
    try {
      await Bun.write(Bun.stdout, `${text}\n`);
      return undefined;
    } catch (error) {
      const code = codeOf(error);
      return code === "EPIPE" ? undefined : code;
    }
  },
});

/** For a command that only prints, and fails if it cannot print the whole text. */
export async function print(io: Io, text: string): Promise<number> {
  const code = await io.out(text);
  if (code === undefined) return DONE;
  io.error(`health-checker: cannot write to stdout: ${causeOf(code)}`);
  return FAILED;
}

/** For what is wrong in a file, which the help does not explain. */
export function refuseFile(io: Io, lines: readonly string[]): number {
  for (const line of lines) io.error(line);
  return USAGE;
}

/** For a wrong command line. `command` is a command that has its own help. */
export function refuse(io: Io, lines: readonly string[], command?: string): number {
  for (const line of lines) io.error(line);
  io.error(`Try 'health-checker ${command ? `${command} ` : ""}--help'.`);
  return USAGE;
}
