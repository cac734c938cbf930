// Roots of Debian packages, put together by mmdebstrap without a container engine, each once.

import { mkdir, rename, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { startChild } from "./child.ts";

const WITHOUT = ["doc", "man", "locale"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);

export interface DebianRoot {
  /** As mmdebstrap's --variant: which packages there are besides `packages`, and whether they are configured. */
  readonly variant: "extract" | "essential";
  readonly packages: readonly string[];
  readonly suite: string;
}

/** Unpacks the root into `folder`, without what is in /dev. */
export async function unpackDebianRoot(root: DebianRoot, folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await run(["tar", "-xf", await tarOf(root), "--exclude=./dev/*", "-C", folder]);
}

/** A tar of it, kept in the user's cache folder. It takes half a minute the first time. */
async function tarOf({ variant, packages, suite }: DebianRoot): Promise<string> {
  const words = [
    ...["mmdebstrap", "--quiet", "--mode=root", `--variant=${variant}`, `--include=${packages.join(",")}`],
    ...[...WITHOUT, suite],
  ];
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "health-checker-image");
  const key = new Bun.CryptoHasher("sha256").update(JSON.stringify(words)).digest("hex").slice(0, 16);
  const file = join(cache, `${key}.tar`);
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (isThere) return file;
  await mkdir(cache, { recursive: true });
  const unfinished = `${file}.${process.pid}.tar`;
  await run([...words, unfinished]);
  await rename(unfinished, file);
  return file;
}

async function run(command: readonly string[]): Promise<void> {
  await using child = startChild(command);
  const [status] = await Promise.all([child.exited, child.ended]);
  if (status !== 0) throw new Error(`${command.join(" ")} failed: ${[...child.out, ...child.err].join("\n")}`);
}
