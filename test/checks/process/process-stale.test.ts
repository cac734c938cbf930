// A pid file whose process cannot be the service that wrote it.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { process as named } from "../../../src/checks/process/process.ts";
import { outcomeOf } from "../../support/checks.ts";
import { startChild } from "../../support/child.ts";
import { mountTmpfs } from "../../support/mounts.ts";
import { asRoot } from "../../support/needs.ts";
import { statOf } from "../../support/processes.ts";
import { tempFolder } from "../../support/temp.ts";

const look = (target: string, keys = {}) => outcomeOf(named, { process: target, ...keys });

/** When the first process was started, in milliseconds since the epoch. */
function bootedAt(): number {
  const upSeconds = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]);
  const [, fields = ""] = readFileSync("/proc/1/stat", "utf8").split(") ");
  return Date.now() - upSeconds * 1000 + Number(fields.split(" ")[19]) * 10;
}

const changedAt = (path: string, ms: number) => utimes(path, new Date(ms), new Date(ms));
const commOf = (pid: number) => readFileSync(`/proc/${pid}/comm`, "utf8").trim();

test("a pid file from before this boot fails; one that is older than its process passes with a warning", async () => {
  await using folder = await tempFolder();
  await using child = startChild(["sleep", "1000"]);
  const { pid } = child;
  const path = await folder.write("it.pid", `${pid}\n`);
  expect(await look(path)).toEqual({ ok: true, detail: `pid ${pid}` });
  await changedAt(path, bootedAt() - 3_600_000);
  expect(await look(path)).toEqual({
    ok: false,
    reason: "missing",
    message: `${path} was written before this host was booted: process ${pid} (sleep) is not the one that wrote it`,
  });
  await changedAt(path, Date.now() - 60_000);
  expect(await look(path)).toEqual({
    ok: true,
    detail: `pid ${pid}`,
    warning: `${path} is older than process ${pid} (sleep): another program may have this number now, or the clock was set`,
  });
  // A few seconds do not matter.
  await changedAt(path, Date.now() - 2000);
  expect(await look(path)).toEqual({ ok: true, detail: `pid ${pid}` });
});

asRoot(
  "a file in memory is of this boot, whatever the clock said then",
  async () => {
    await using mount = await mountTmpfs("size=1M");
    await using child = startChild(["sleep", "1000"]);
    const path = join(mount.path, "it.pid");
    await Bun.write(path, `${child.pid}\n`);
    await changedAt(path, 0);
    expect(await look(path)).toMatchObject({ ok: true, warning: expect.stringContaining("is older than process") });
  },
  20_000,
);

test("a kernel thread and the first process of the host do not count as a service", async () => {
  await using folder = await tempFolder();
  // In a container the kernel's threads are not visible, and the first process may be any program.
  if (statOf(2)?.parent === 0 && commOf(2) === "kthreadd") {
    const path = await folder.write("it.pid", "2\n");
    expect(await look(path)).toEqual({
      ok: false,
      reason: "missing",
      message: `process 2 of ${path} is kthreadd, a kernel thread`,
    });
  }
  const path = await folder.write("first.pid", "1\n");
  const outcome = await look(path);
  if (["systemd", "init"].includes(commOf(1))) {
    expect(outcome).toMatchObject({
      reason: "missing",
      message: `process 1 of ${path} is ${commOf(1)}, which starts all other processes`,
    });
  } else expect(outcome).toMatchObject({ ok: true });
});
