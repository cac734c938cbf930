// The recipe for ZooKeeper, on a real one.

import { expect } from "bun:test";
import { freePorts, loopbackAddress } from "../../support/loopback.ts";
import { needs } from "../../support/needs.ts";
import { recipe } from "../../support/recipes.ts";
import { startZookeeper } from "../../support/zookeeper.ts";

const test = await needs("java", "ZooKeeper");

test("srvr passes on a ZooKeeper that serves, and fails on one that is gone", async () => {
  await using zookeeper = await startZookeeper();
  await using zookeeperRecipe = await recipe("ZooKeeper", { "127.0.0.1:2181": `${zookeeper.host}:${zookeeper.port}` });
  expect(await zookeeperRecipe.states()).toEqual({ zookeeper: "up" });
  await zookeeper[Symbol.asyncDispose]();
  expect(await zookeeperRecipe.states()).toEqual({ zookeeper: "refused" });
}, 90_000);

test("srvr fails on a ZooKeeper without a quorum, which answers ruok", async () => {
  const peer = loopbackAddress();
  const [one, two, three, four] = freePorts(peer, 4);
  const ensemble = `initLimit=5
syncLimit=2
4lw.commands.whitelist=srvr,ruok
server.1=${peer}:${one}:${two}
server.2=${peer}:${three}:${four}`;
  await using zookeeper = await startZookeeper(ensemble, "not currently serving requests");
  await using zookeeperRecipe = await recipe("ZooKeeper", { "127.0.0.1:2181": `${zookeeper.host}:${zookeeper.port}` });
  expect(await zookeeperRecipe.states()).toEqual({ zookeeper: "mismatch" });
  expect(await zookeeper.say("ruok")).toBe("imok");
}, 90_000);
