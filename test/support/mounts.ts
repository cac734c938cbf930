// File systems of a test's own, as root: one so small that it is soon full, one that hangs.

import { join } from "node:path";
import { startChild } from "./child.ts";
import { type TempFolder, tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Mount extends AsyncDisposable {
  readonly path: string;
}

function umount(path: string): void {
  Bun.spawnSync(["umount", "--lazy", path]);
}

async function mountOn(folder: TempFolder, words: readonly string[]): Promise<Mount> {
  const { exitCode, stderr } = Bun.spawnSync(["mount", ...words, folder.path]);
  if (exitCode !== 0) throw new Error(`mount ${words.join(" ")}: ${stderr}`);
  return {
    path: folder.path,
    async [Symbol.asyncDispose]() {
      umount(folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** In memory; `options` such as "size=1M,nr_inodes=100". */
export const mountTmpfs = async (options: string): Promise<Mount> =>
  mountOn(await tempFolder(), ["-t", "tmpfs", "-o", options, "tmpfs"]);

/** The same, to be called again with "remount,ro". */
export function remount(path: string, options: string): void {
  const { exitCode, stderr } = Bun.spawnSync(["mount", "-o", options, path]);
  if (exitCode !== 0) throw new Error(`mount -o ${options}: ${stderr}`);
}

export interface HungMount extends Mount {
  /** From now on each call fails at once, and those that hang do too. */
  end(): Promise<void>;
}

/** No call for anything below `path` returns until it has ended. */
export async function mountHung(): Promise<HungMount> {
  const folder = await tempFolder();
  const holder = startChild([process.execPath, join(import.meta.dir, "../fixtures/hung-mount.ts"), folder.path]);
  await until(() => holder.out.includes("mounted") || holder.hasExited());
  if (holder.hasExited()) throw new Error(`cannot mount: ${holder.err.join("\n")}`);
  const end = async () => {
    await holder[Symbol.asyncDispose]();
  };
  return {
    path: folder.path,
    end,
    async [Symbol.asyncDispose]() {
      await end();
      umount(folder.path);
      await folder[Symbol.asyncDispose]();
    },
  };
}
