// This machine's own root as one that may be changed: an overlay in a mount namespace, which ends with the test.
// Nothing in it is seen outside. /run is empty, so there is no systemd in it.

import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Ran {
  readonly status: number;
  /** Lines of stdout and of stderr. */
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export interface ThrowawayRoot extends AsyncDisposable {
  /** The words that run a command in it. */
  command(...words: readonly string[]): readonly string[];
  run(...words: readonly string[]): Promise<Ran>;
  /** The lines of stdout; throws if the status is not 0. */
  must(...words: readonly string[]): Promise<readonly string[]>;
}

/** The folder `shared` is at /shared in it. */
export async function throwawayRoot(shared: string): Promise<ThrowawayRoot> {
  const folder = await tempFolder();
  const script = `
    cd ${folder.path}
    mount -t tmpfs -o size=1g none .
    cd ${folder.path}
    mkdir upper work root
    mount -t overlay -o lowerdir=/,upperdir=${folder.path}/upper,workdir=${folder.path}/work none root
    mount -t proc none root/proc
    for name in run dev tmp; do mount -t tmpfs none root/$name; done
    touch root/dev/null root/dev/urandom
    for name in null urandom; do mount --bind /dev/$name root/dev/$name; done
    mkdir root/shared
    mount --bind ${shared} root/shared
    echo ready
    exec sleep infinity`;
  const holder = startChild(["unshare", "--mount", "--propagation=private", "sh", "-ec", script]);
  await until(() => holder.out.length > 0 || holder.hasExited(), 10_000, "the root to be mounted");
  if (holder.hasExited()) throw new Error(`no root: ${holder.err.join("; ")}`);
  const command = (...words: readonly string[]) => [
    ...["nsenter", `--target=${holder.pid}`, "--mount", "chroot", join(folder.path, "root")],
    ...words,
  ];
  const run = async (...words: readonly string[]): Promise<Ran> => {
    const env = { DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
    await using child: Child = startChild(command(...words), { env });
    const [status] = await Promise.all([child.exited, child.ended]);
    return { status, out: child.out, err: child.err };
  };
  return {
    command,
    run,
    async must(...words) {
      const { status, out, err } = await run(...words);
      if (status !== 0) throw new Error(`${words.join(" ")} exited with ${status}: ${[...out, ...err].join("\n")}`);
      return out;
    },
    async [Symbol.asyncDispose]() {
      await holder[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
