// A real dnsmasq of a test's own that knows what it is told and nothing else.

import { startChild } from "./child.ts";
import { freePort, loopbackAddress } from "./loopback.ts";
import { until } from "./until.ts";

export interface NameServer extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** host:port */
  readonly address: string;
  /** Stops the process as SIGSTOP does: what is asked has no answer. */
  freeze(): void;
  resume(): void;
}

/** Answers for names below test. with `records`, given as dnsmasq's options; refuses all others. */
export async function startNameServer(records: readonly string[]): Promise<NameServer> {
  const host = loopbackAddress();
  const port = freePort(host);
  const options = [
    "--keep-in-foreground",
    "--conf-file=/dev/null",
    "--pid-file=",
    "--log-facility=-",
    "--no-resolv",
    "--no-hosts",
    "--bind-interfaces",
    "--local=/test/",
    `--listen-address=${host}`,
    `--port=${port}`,
  ];
  const server = startChild(["dnsmasq", ...options, ...records]);
  try {
    await until(() => server.hasExited() || server.err.some((line) => line.includes("started")), 10_000, "dnsmasq");
    if (server.hasExited()) throw new Error(`dnsmasq exited with ${await server.exited}`);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw new Error([error instanceof Error ? error.message : error, ...server.err].join("\n"));
  }
  return {
    host,
    port,
    address: `${host}:${port}`,
    freeze: () => server.kill("SIGSTOP"),
    resume: () => server.kill("SIGCONT"),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
