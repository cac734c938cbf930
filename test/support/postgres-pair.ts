// A primary and its streaming replica, both PostgreSQL servers of a test's own, which can change roles.

import { cp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { within } from "../../src/system/event-loop.ts";
import { type Child, startChild } from "./child.ts";
import { AS_NOBODY, giveAway, POSTGRES_PROGRAMS, postgresTemplate, removePostgresTemplate, run } from "./databases.ts";
import { freePort, loopbackAddress } from "./loopback.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

export interface PostgresServer {
  /** Of its user postgres, who needs no password. */
  readonly url: string;
  /** Runs a statement as its user postgres; resolves with what psql prints. */
  query(sql: string): Promise<string>;
  /** Makes a primary of a replica. */
  promote(): Promise<void>;
  /** Ends it as an operator does; a replica that follows it has all that it wrote. */
  stop(): Promise<void>;
  /** Starts it again, as a replica of the other server; resolves when that sends. */
  startAsReplica(): Promise<void>;
}

export interface PostgresPair extends AsyncDisposable {
  readonly primary: PostgresServer;
  readonly replica: PostgresServer;
}

const START_MS = 60_000;

const TRUST = "host all all 127.0.0.0/8 trust\nhost replication all 127.0.0.0/8 trust\n";

/** Resolves when the replica follows the primary. */
export async function startPostgresPair(): Promise<PostgresPair> {
  const folder = await tempFolder();
  const [one, two] = [createServer(join(folder.path, "one")), createServer(join(folder.path, "two"))];
  const dispose = async () => {
    for (const server of [two, one]) await server.stop();
    await folder[Symbol.asyncDispose]();
    await removePostgresTemplate();
  };
  try {
    await cp(await postgresTemplate(), one.data, { recursive: true });
    await writeFile(join(one.data, "pg_hba.conf"), TRUST);
    await giveAway(folder.path);
    await one.start();
    await run([
      ...AS_NOBODY,
      `${POSTGRES_PROGRAMS}/pg_basebackup`,
      ...["-d", one.url, "-D", two.data, "-R", "--checkpoint=fast", "--no-sync"],
    ]);
    await two.start();
    await one.isFollowed();
  } catch (error) {
    await dispose();
    throw error;
  }
  const serve = (server: Server, other: Server): PostgresServer => ({
    url: server.url,
    query: server.query,
    promote: () => server.promote(),
    stop: () => server.stop(),
    async startAsReplica() {
      await server.follow(other);
      await server.start();
      await other.isFollowed();
    },
  });
  return { primary: serve(one, two), replica: serve(two, one), [Symbol.asyncDispose]: dispose };
}

type Server = ReturnType<typeof createServer>;

function createServer(data: string) {
  const host = loopbackAddress();
  const port = freePort(host);
  const url = `postgres://postgres@${host}:${port}/postgres`;
  let child: Child | undefined;

  const query = async (sql: string): Promise<string> =>
    (await run([`${POSTGRES_PROGRAMS}/psql`, "-X", "-A", "-t", "-d", url, "-c", sql])).trim();

  return {
    data,
    url,
    query,
    async start(): Promise<void> {
      const settings = [
        `listen_addresses = '${host}'`,
        `port = ${port}`,
        "unix_socket_directories = ''",
        "fsync = off",
        "shared_buffers = 1MB",
        "dynamic_shared_memory_type = mmap",
      ];
      await writeFile(join(data, "postgresql.conf"), settings.join("\n"));
      const started = startChild([...AS_NOBODY, `${POSTGRES_PROGRAMS}/postgres`, "-D", data], { cwd: data });
      child = started;
      const log = () => [...started.out, ...started.err].join("\n");
      // Of a replica "ready to accept read-only connections".
      const isReady = () => started.hasExited() || log().includes("ready to accept ");
      await until(isReady, START_MS, "the server to be ready");
      if (started.hasExited()) throw new Error(`the server exited with ${await started.exited}\n${log()}`);
    },
    async stop(): Promise<void> {
      child?.kill("SIGINT");
      if (child) await within(child.exited, START_MS);
      await child?.[Symbol.asyncDispose]();
      child = undefined;
    },
    /** To be called while it is stopped. */
    async follow(other: { readonly url: string }): Promise<void> {
      await rm(join(data, "postgresql.auto.conf"));
      await writeFile(join(data, "postgresql.auto.conf"), `primary_conninfo = '${other.url}'\n`);
      await writeFile(join(data, "standby.signal"), "");
      await giveAway(data);
    },
    async promote(): Promise<void> {
      await query("SELECT pg_promote()");
    },
    async isFollowed(): Promise<void> {
      const isStreaming = async () => (await query("SELECT state FROM pg_stat_replication")) === "streaming";
      await until(isStreaming, START_MS, "a replica to follow the primary");
    },
  };
}
