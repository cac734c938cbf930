// A shell by any name, with any words in its command line, that waits without a process beside it.

import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Child, startChild } from "./child.ts";
import type { TempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Program {
  readonly name: string;
  readonly path: string;
  /** A command of the shell that waits for ever: no one opens the other end. */
  readonly wait: string;
  start(...words: string[]): Promise<Child>;
}

/** A name that nothing else of this host has. */
export const newName = (length = 12): string => `t${crypto.randomUUID().replaceAll("-", "")}`.slice(0, length);

export async function makeProgram(folder: TempFolder, name = newName()): Promise<Program> {
  // In a folder of its own: the name may be any.
  const path = join(folder.path, crypto.randomUUID(), name);
  await mkdir(dirname(path));
  await copyFile("/bin/sh", path);
  const fifo = join(dirname(path), ".fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  const wait = `read -r _ <${fifo}`;
  return {
    name,
    path,
    wait,
    async start(...words) {
      const child = startChild([path, "-c", `echo begun; ${wait}`, "sh", ...words]);
      await until(() => child.out.includes("begun"));
      return child;
    },
  };
}
