// What it is for, with nothing left out: the binary alone in an empty folder checks
// three real servers and is asked by a real load balancer.

import { expect } from "bun:test";
import { chmod, copyFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startDaemon } from "../support/daemon.ts";
import { DOWN, startHaproxy, UP } from "../support/haproxy.ts";
import { needs } from "../support/needs.ts";
import { relayTo } from "../support/relay.ts";
import { tempFolder } from "../support/temp.ts";
import { startZookeeper } from "../support/zookeeper.ts";

const SCRIPT = join(import.meta.dir, "fixtures/zk-health-check.sh");

const test = await needs("PostgreSQL on port 5432", "MariaDB on port 3306", "java", "ZooKeeper", "haproxy");

test("PostgreSQL, MariaDB and ZooKeeper are checked for HAProxy, which sees each of them fail and come back", async () => {
  await using folder = await tempFolder();
  const alone = join(folder.path, "health-checker");
  await copyFile(await binary(), alone);
  await chmod(alone, 0o755);

  await using zookeeper = await startZookeeper();
  using postgres = relayTo(5432);
  using mariadb = relayTo(3306);
  await using daemon = await startDaemon(
    [
      ...["--port", postgres.address, "--port", mariadb.address],
      ...["--script", `${SCRIPT} --zk-host ${zookeeper.host} --zk-port ${zookeeper.port}`],
      ...["--script-timeout", "1500ms", "--singleflight"],
    ],
    { command: [alone], cwd: folder.path },
  );
  await using haproxy = await startHaproxy(daemon.port);

  await haproxy.bothSee(UP);
  for (const database of [postgres, mariadb]) {
    database.close();
    await haproxy.bothSee(DOWN);
    database.open();
    await haproxy.bothSee(UP);
  }
  zookeeper.freeze();
  await haproxy.bothSee(DOWN);
  zookeeper.resume();
  await haproxy.bothSee(UP);

  expect(await daemon.stop()).toBe(0);
  expect(daemon.errors()).toEqual([]);
  expect(await readdir(folder.path)).toEqual(["health-checker"]);
}, 240_000);
