// The recipe for Redis, on a real master and its replica.

import { expect } from "bun:test";
import { startRedis } from "../../support/databases.ts";
import { needs } from "../../support/needs.ts";
import { recipe } from "../../support/recipes.ts";
import { until } from "../../support/until.ts";

const test = await needs("redis-server");

test("ROLE distinguishes a master, its replica, and a replica that has lost its master", async () => {
  await using master = await startRedis({ settings: ["repl-diskless-sync-delay 0"] });
  await using replica = await startRedis({ settings: [`replicaof ${master.host} ${master.port}`] });
  const on = ({ host, port }: { readonly host: string; readonly port: number }) =>
    recipe("Redis master and replica", { "127.0.0.1:6379": `${host}:${port}` });
  await using onMaster = await on(master);
  await using onReplica = await on(replica);

  expect(await onMaster.states()).toEqual({ redis: "up", "is-master": "up", "is-replica": "mismatch" });
  const follows = async () => (await onReplica.states())["is-replica"] === "up";
  await until(follows, 20_000, "the replica to follow its master");
  expect(await onReplica.states()).toEqual({ redis: "up", "is-master": "mismatch", "is-replica": "up" });

  await master[Symbol.asyncDispose]();
  await until(async () => !(await follows()), 20_000, "the replica to notice that its master is gone");
  expect(await onReplica.states()).toEqual({ redis: "up", "is-master": "mismatch", "is-replica": "mismatch" });
}, 60_000);
