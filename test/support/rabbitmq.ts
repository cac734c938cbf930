// A real RabbitMQ of a test's own, with its management plugin and a name server (epmd) of its own.

import { randomInt } from "node:crypto";
import { join } from "node:path";
import { type Child, startChild } from "./child.ts";
import { AS_NOBODY, giveAway } from "./databases.ts";
import { freePorts, loopbackAddress } from "./loopback.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

/** Beside the one on the PATH, which insists on the user rabbitmq. */
export const RABBITMQ_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

export interface Rabbitmq extends AsyncDisposable {
  /** host:port of AMQP. */
  readonly amqp: string;
  /** host:port of the management plugin. */
  readonly management: string;
  /** Makes a user that may look at everything and change nothing. */
  addMonitor(name: string, password: string): Promise<void>;
  /** With less free on its disk it has an alarm. */
  setDiskFreeLimit(bytes: number): Promise<void>;
}

/** An Erlang machine on a busy host. */
const START_MS = 60_000;

const COOKIE = "cookie-of-a-test";

export async function startRabbitmq(): Promise<Rabbitmq> {
  const folder = await tempFolder();
  const host = loopbackAddress();
  const [amqp, management, distribution] = freePorts(host, 3);
  const [epmdPort = 0] = freePorts("127.0.0.1", 1);
  const config = await folder.write(
    "rabbitmq.conf",
    `listeners.tcp.1 = ${host}:${amqp}
management.tcp.ip = ${host}
management.tcp.port = ${management}
disk_free_limit.absolute = 1MB
log.console = true
`,
  );
  await folder.write("enabled", "[rabbitmq_management].\n");
  await giveAway(folder.path);
  const node = `test${randomInt(1_000_000)}@localhost`;
  const env = {
    HOME: folder.path,
    ERL_EPMD_PORT: String(epmdPort),
    RABBITMQ_NODENAME: node,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: `-setcookie ${COOKIE}`,
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_CONFIG_FILE: config,
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder.path, "none"),
    RABBITMQ_MNESIA_BASE: join(folder.path, "data"),
    RABBITMQ_LOG_BASE: join(folder.path, "log"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder.path, "enabled"),
  };
  // One that the node starts by itself would outlive it.
  const epmd = startChild(["epmd", "-port", String(epmdPort), "-address", "127.0.0.1"]);
  const server: Child = startChild([...AS_NOBODY, RABBITMQ_SERVER], { cwd: folder.path, env });
  const end = async () => {
    await server[Symbol.asyncDispose]();
    await epmd[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  const api = async (path: string, init: RequestInit = {}) => {
    const headers = { Authorization: `Basic ${btoa("guest:guest")}` };
    const response = await fetch(`http://${host}:${management}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
  };
  try {
    await until(
      async () => server.hasExited() || api("/api/overview").then(() => true),
      START_MS,
      "RabbitMQ's management to answer",
    );
    if (server.hasExited()) throw new Error(`RabbitMQ exited with ${await server.exited}`);
  } catch (error) {
    await end();
    throw new Error([error instanceof Error ? error.message : error, ...server.out, ...server.err].join("\n"));
  }
  return {
    amqp: `${host}:${amqp}`,
    management: `${host}:${management}`,
    addMonitor: (name, password) =>
      api(`/api/users/${name}`, { method: "PUT", body: JSON.stringify({ password, tags: "monitoring" }) }),
    async setDiskFreeLimit(bytes) {
      const call = `rabbit_disk_monitor set_disk_free_limit [${bytes}]`;
      await using child = startChild(["erl_call", "-sname", node, "-c", COOKIE, "-a", call], { env });
      const exitCode = await child.exited;
      await child.ended;
      if (exitCode !== 0 || child.out.join("") !== "ok") throw new Error([...child.out, ...child.err].join("\n"));
    },
    [Symbol.asyncDispose]: end,
  };
}
