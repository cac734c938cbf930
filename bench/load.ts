// Puts load on a server with wrk and reads its report. A wrong answer is an error, not a figure.

import { type Pinned, startPinned } from "./process.ts";

export interface Measured {
  readonly rate: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the server, per 1,000 requests. */
  readonly cpuMs: number;
}

export interface Load {
  readonly url: string;
  readonly connections: number;
  /** Whether the right answer is 200 or the failure status. */
  readonly healthy: boolean;
}

export async function runWrk(core: number, server: Pinned, load: Load, seconds: number): Promise<Measured> {
  const cpuBefore = server.cpuMs();
  const argv = ["wrk", "-t1", `-c${load.connections}`, `-d${seconds}s`, "--latency", load.url];
  const report = await startPinned(core, argv).printed;
  const cpuMs = server.cpuMs() - cpuBefore;
  const count = (pattern: RegExp) => Number(pattern.exec(report)?.[1] ?? 0);
  const requests = count(/(\d+) requests in/);
  const failures = count(/Non-2xx or 3xx responses: (\d+)/);
  if (requests === 0 || /Socket errors/.test(report) || failures !== (load.healthy ? 0 : requests)) {
    throw new Error(`expected ${load.healthy ? "200" : "504"} alone from ${load.url}, got:\n${report}`);
  }
  return {
    rate: count(/Requests\/sec:\s*([\d.]+)/),
    p50Ms: latencyMs(report, "50%"),
    p99Ms: latencyMs(report, "99%"),
    cpuMs: (cpuMs / requests) * 1000,
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1000, m: 60_000 };

function latencyMs(report: string, percentile: string): number {
  const [, number, unit = ""] = new RegExp(`^\\s*${percentile}\\s+([\\d.]+)(us|ms|s|m)$`, "m").exec(report) ?? [];
  return Number(number) * (UNIT_MS[unit] ?? Number.NaN);
}

/** A port on which no process listens at this moment. */
export function freePort(): number {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  server.stop(true);
  return server.port;
}

const FIRST_ANSWER_MS = 10_000;

/** Asks the server again and again, without a pause, until it answers with `status`; throws when it ends or after 10 s. */
export async function firstAnswer(server: Pinned, port: number, status: number): Promise<void> {
  const limit = performance.now() + FIRST_ANSWER_MS;
  while (server.alive() && performance.now() < limit) {
    if ((await askOnce(port)).startsWith(`HTTP/1.1 ${status}`)) return;
  }
  throw new Error(
    `port ${port}: ${server.alive() ? `no answer ${status} within 10 s` : "the server ended at its start"}`,
  );
}

/** The start of the answer, "" without one. Uses a bare socket: a client library would cost more than the server. */
async function askOnce(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  try {
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_socket, bytes) => resolve(bytes.toString("latin1")),
        close: () => resolve(""),
        error: () => resolve(""),
      },
    });
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const answer = await promise;
    socket.end();
    return answer;
  } catch {
    return "";
  }
}
