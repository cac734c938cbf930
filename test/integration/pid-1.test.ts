// Children that the daemon did not start are reaped, as PID 1 of a container and elsewhere, and the exit statuses of its
// scripts stay its own.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { asRoot } from "../support/needs.ts";
import { childrenOf, statOf } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const zombiesOf = (pid: number) => childrenOf(pid).filter((child) => statOf(child)?.state === "Z");

/** The process that a test has made PID 1 of a namespace of its own. */
const insideOf = (daemon: Daemon) => until(() => childrenOf(daemon.pid)[0]);

/** How many lines the scripts have written. */
function runsIn(file: string): number {
  try {
    return readFileSync(file, "utf8").split("\n").length - 1;
  } catch {
    return 0;
  }
}

asRoot(
  "as PID 1 what scripts orphan is reaped, and the statuses of scripts are theirs",
  async () => {
    await using folder = await tempFolder();
    const runs = `${folder.path}/runs`;
    const orphans = `(setsid true >/dev/null 2>&1 </dev/null &); (setsid true >/dev/null 2>&1 </dev/null &); echo >>${runs}`;
    const config = await folder.write(
      "c.yaml",
      `interval: 100ms
checks:
  - { name: orphans, script: [/bin/sh, -c, "${orphans}"] }
  - { name: three, script: [/bin/sh, -c, "exit 3"], severity: warning }
  - { name: signal, script: [/bin/sh, -c, "kill -9 $$"], severity: warning }
`,
    );
    await using daemon = await startDaemon(["--config", config, "--log-level", "debug"], {
      command: ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", await binary()],
    });
    const inside = await insideOf(daemon);
    await until(() => runsIn(runs) >= 30);
    expect((await daemon.ask()).status).toBe(200);
    // What ended a moment ago may still be there.
    await until(() => zombiesOf(inside).length <= 3, 10_000, "the orphans to be reaped");
    await daemon.logged(/check=three.*exited with status 3/);
    await daemon.logged(/check=signal.*ended by SIGKILL/);
    expect(daemon.log().join("\n")).not.toMatch(/lost|stuck/);
    process.kill(inside, "SIGTERM");
    expect(await daemon.exited).toBe(0);
  },
  60_000,
);

test("what the program had started before it became the daemon is reaped", async () => {
  await using folder = await tempFolder();
  const fifo = `${folder.path}/fifo`;
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  await using daemon = await startDaemon(["--script", "/bin/true"], {
    command: ["/bin/bash", "-c", `read -r _ <${fifo} & exec "$0" "$@"`, await binary()],
  });
  const [child = 0] = childrenOf(daemon.pid);
  expect(statOf(child)?.state).not.toBe("Z");
  await Bun.write(fifo, "\n");
  await until(() => statOf(child) === undefined, 10_000, "the child to be reaped");
  expect((await daemon.ask()).status).toBe(200);
}, 30_000);
