// The recipe for Galera, on a real cluster of one node.

import { expect } from "bun:test";
import { PASSWORD, run, startMariadb } from "../../support/databases.ts";
import { freePort, loopbackAddress } from "../../support/loopback.ts";
import { needs } from "../../support/needs.ts";
import { recipe } from "../../support/recipes.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const test = await needs("mariadbd", "Galera");

/** A cluster of one node: its group has an address of its own. */
function newCluster(): readonly string[] {
  const group = loopbackAddress();
  const provider = [
    `gmcast.listen_addr=tcp://${group}:${freePort(group)}`,
    `ist.recv_addr=${group}:${freePort(group)}`,
    "gcache.size=1M",
  ];
  return [
    ...["--wsrep-on=ON", "--wsrep-provider=/usr/lib/galera/libgalera_smm.so"],
    ...["--wsrep-cluster-address=gcomm://", "--wsrep-new-cluster", `--wsrep-node-address=${group}`],
    `--wsrep-provider-options=${provider.join(";")}`,
    ...["--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"],
  ];
}

test("wsrep_local_state passes on a node that is synced, and fails on one that is not", async () => {
  await using folder = await tempFolder();
  await using server = await startMariadb({ settings: newCluster() });
  await using galera = await recipe("Galera", {
    "127.0.0.1:3306": `${server.host}:${server.port}`,
    "/run/credentials/health-checker.service/mysql": await folder.write("password", PASSWORD),
  });
  const sql = (statement: string) => {
    const place = [`--host=${server.host}`, `--port=${server.port}`, "--user=health", `--password=${PASSWORD}`];
    return run(["mariadb", "--no-defaults", ...place, `--execute=${statement}`]);
  };

  await until(async () => (await galera.states())["galera"] === "up", 20_000, "the node to be synced");
  await sql("SET GLOBAL wsrep_desync = ON");
  expect(await galera.states()).toEqual({ galera: "mismatch" });
  await sql("SET GLOBAL wsrep_desync = OFF");
  await until(async () => (await galera.states())["galera"] === "up", 20_000, "the node to be synced again");
}, 90_000);
