// What docs/containers.md says of a read-only root, a user without rights, and the directory of the control socket.

import { expect } from "bun:test";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { asRoot } from "../support/needs.ts";
import { childrenOf } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const UID = 10001;
const AS_USER = [
  "setpriv",
  `--reuid=${UID}`,
  `--regid=${UID}`,
  "--clear-groups",
  "--no-new-privs",
  "--bounding-set=-all",
];

/** PID 1 of a namespace, as that user, where the root is read-only and its directory is a tmpfs with these options. */
async function startContainer(tmpfs: string) {
  const folder = await tempFolder();
  const directory = join(folder.path, "run");
  await mkdir(directory);
  await chmod(folder.path, 0o755);
  const mounts = `mount -o remount,bind,ro / && mount -t tmpfs -o ${tmpfs} tmpfs ${directory} && exec "$@"`;
  const socket = join(directory, "control.sock");
  const program = await binary();
  const daemon = await startDaemon(["--script", "true", "--control-socket", socket, "--state-directory", directory], {
    command: [
      ...["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"],
      ...["sh", "-c", mounts, "sh", ...AS_USER, program],
    ],
  });
  const inside = await until(() => childrenOf(daemon.pid)[0]);
  return {
    daemon,
    inside,
    /** As `docker exec`. */
    async exec(command: string) {
      const enter = ["nsenter", `--target=${inside}`, "--mount", "--pid", ...AS_USER];
      await using child = startChild([...enter, program, command, "--control-socket", socket]);
      const [exitCode] = await Promise.all([child.exited, child.ended]);
      return { exitCode, err: child.err.join("\n") };
    },
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

asRoot(
  "with a read-only root the daemon serves, drains and stops, in a directory of its user's own",
  async () => {
    await using container = await startContainer(`uid=${UID},mode=0755`);
    const { daemon, inside, exec } = container;
    expect((await daemon.ask()).status).toBe(200);
    expect((await exec("status")).exitCode).toBe(0);
    expect((await exec("drain")).exitCode).toBe(0);
    await daemon.logged("host is drained");
    expect((await daemon.ask()).body).toBe("Draining");
    expect(daemon.log().join("\n")).not.toMatch(/WARNING (?!host is drained)/);
    process.kill(inside, "SIGTERM");
    expect(await daemon.exited).toBe(0);
  },
  60_000,
);

asRoot(
  "in a directory that every user may write to, as an emptyDir is, the commands do not use the socket",
  async () => {
    await using container = await startContainer("mode=0777");
    expect((await container.daemon.ask()).status).toBe(200);
    expect(await container.exec("status")).toEqual({
      exitCode: 3,
      err: expect.stringContaining("other users may write to"),
    });
  },
  60_000,
);
