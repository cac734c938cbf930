// A real ZooKeeper, asked by a script with a four-letter word, that hangs and comes back.

import { expect } from "bun:test";
import { join } from "node:path";
import { startDaemon } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";
import { childrenOf } from "../support/processes.ts";
import { until } from "../support/until.ts";
import { startZookeeper } from "../support/zookeeper.ts";

const SCRIPT = join(import.meta.dir, "fixtures/zk-health-check.sh");

const test = await needs("java", "ZooKeeper");

test("a frozen ZooKeeper is unhealthy within the script's timeout, and healthy once it is resumed", async () => {
  await using zookeeper = await startZookeeper();
  const script = `'${SCRIPT}' --zk-host ${zookeeper.host} --zk-port "${zookeeper.port}"`;
  await using daemon = await startDaemon(["--script", script, "--script-timeout", "1"]);

  expect((await daemon.ask()).status).toBe(200);

  zookeeper.freeze();
  expect((await daemon.ask()).status).toBe(504);
  expect(await daemon.logged("check is down")).toContain("reason=timeout");
  // The script, its subshell and its cat.
  await until(() => childrenOf(daemon.pid).length === 0, 30_000, "the script's processes to be gone");

  zookeeper.resume();
  await until(async () => (await zookeeper.say("srvr")).includes("Mode:"), 10_000, "ZooKeeper to come back");
  expect((await daemon.ask()).status).toBe(200);
  expect(await daemon.stop()).toBe(0);
}, 120_000);

test("a ZooKeeper that is not there is unhealthy, and the log has what the script said", async () => {
  await using daemon = await startDaemon(["--script", `${SCRIPT} --zk-port 1`]);
  expect((await daemon.ask()).status).toBe(504);
  const line = await daemon.logged("check is down");
  expect(line).toContain('reason=exit detail="exited with status 1"');
  expect(line).toContain("Connection refused");
}, 30_000);
