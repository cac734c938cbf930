// A real Patroni of a test's own, with an etcd and the PostgreSQL that it starts: a cluster of one node.

import { join } from "node:path";
import { within } from "../../src/system/event-loop.ts";
import { type Child, startChild } from "./child.ts";
import { AS_NOBODY, giveAway, POSTGRES_PROGRAMS } from "./databases.ts";
import { freePorts, loopbackAddress } from "./loopback.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface Patroni extends AsyncDisposable {
  /** host:port of its REST API. */
  readonly address: string;
  /** Ends it, and PostgreSQL with it. */
  stop(): Promise<void>;
}

/** It runs initdb. */
const START_MS = 60_000;

/** Resolves once it is the primary. */
export async function startPatroni(): Promise<Patroni> {
  const folder = await tempFolder();
  const host = loopbackAddress();
  const [api, postgres, client, peer] = freePorts(host, 4).map((port) => `${host}:${port}`);
  const config = {
    scope: "test",
    name: "one",
    restapi: { listen: api, connect_address: api },
    etcd3: { hosts: client },
    bootstrap: {
      dcs: { loop_wait: 1 },
      initdb: ["no-sync", "no-instructions", { auth: "trust" }, { encoding: "UTF8" }, { locale: "C" }],
    },
    postgresql: {
      listen: postgres,
      connect_address: postgres,
      data_dir: join(folder.path, "data"),
      bin_dir: POSTGRES_PROGRAMS,
      authentication: {
        superuser: { username: "postgres", password: "superuser" },
        replication: { username: "replicator", password: "replicator" },
      },
      parameters: {
        unix_socket_directories: folder.path,
        fsync: "off",
        shared_buffers: "1MB",
        dynamic_shared_memory_type: "mmap",
      },
    },
  };
  const file = await folder.write("patroni.yml", JSON.stringify(config));
  await giveAway(folder.path);
  const options = { cwd: folder.path, env: { HOME: folder.path } };
  const etcd = startChild(
    [
      ...[...AS_NOBODY, "etcd", "--data-dir", join(folder.path, "etcd"), "--unsafe-no-fsync"],
      ...["--listen-client-urls", `http://${client}`, "--advertise-client-urls", `http://${client}`],
      ...["--listen-peer-urls", `http://${peer}`, "--initial-advertise-peer-urls", `http://${peer}`],
      ...["--initial-cluster", `default=http://${peer}`],
    ],
    options,
  );
  const patroni: Child = startChild([...AS_NOBODY, "patroni", file], options);
  // It ends PostgreSQL before it ends itself.
  const stop = async () => {
    if (!patroni.hasExited()) patroni.kill("SIGTERM");
    await within(patroni.exited, START_MS);
  };
  const end = async () => {
    await stop();
    await patroni[Symbol.asyncDispose]();
    await etcd[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  const isPrimary = () => fetch(`http://${api}/primary`).then(({ status }) => status === 200);
  try {
    await until(() => patroni.hasExited() || isPrimary(), START_MS, "Patroni to be the primary");
    if (patroni.hasExited()) throw new Error(`Patroni exited with ${await patroni.exited}`);
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...patroni.out, ...patroni.err].join("\n"));
  }
  return { address: api ?? "", stop, [Symbol.asyncDispose]: end };
}
