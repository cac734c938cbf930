// The health listener leaves descriptors for the checks, and hides no fault.

import { expect, test } from "bun:test";
import { createHealthHandler } from "../../../src/listeners/health/handler.ts";
import { connectionBound, serveHealth } from "../../../src/listeners/health/server.ts";
import { createLog } from "../../../src/log/log.ts";
import { until } from "../../support/until.ts";

test.each([
  [undefined, undefined, 4096],
  [undefined, 1_048_576, 4096],
  [undefined, 1024, 512],
  [undefined, 1, 1],
  [10, 1024, 10],
  [100_000, 1024, 512],
  [100_000, undefined, 100_000],
])("max-connections %p with a descriptor limit of %p: %p", (asked, limit, bound) => {
  expect(connectionBound(asked, limit)).toBe(bound);
});

test.each([
  [
    "throws",
    () => {
      throw new Error("a fault");
    },
  ],
  ["rejects", () => Promise.reject(new Error("a fault"))],
] as const)("a request whose verdict %s is answered unhealthy, and the fault is reported", async (_, verdict) => {
  const faults: Error[] = [];
  const handler = createHealthHandler({
    verdict,
    isDraining: () => false,
    failureStatus: 503,
    endpoints: [],
    onOtherPath() {},
  });
  const { address, close } = await serveHealth({
    at: { family: "tcp", host: "127.0.0.1", port: 0 },
    handler: () => handler,
    failureStatus: () => 503,
    longestAnswerMs: () => 1000,
    maxConnections: () => 10,
    onCrowded() {},
    onRefused() {},
    onFault: (error) => faults.push(error),
    log: createLog("error", () => {}),
  });
  try {
    const url = `http://127.0.0.1:${address.family === "tcp" ? address.port : 0}/`;
    const response = await fetch(url, { proxy: "", keepalive: false });
    expect(response.status).toBe(503);
    expect(await response.text()).toBe("At least one health check failed");
    expect(faults).toEqual([new Error("a fault")]);
  } finally {
    await close();
  }
});

test("open connections are counted until they are closed", async () => {
  const server = await serveHealth({
    at: { family: "tcp", host: "127.0.0.1", port: 0 },
    handler: () => () => new Promise(() => {}),
    failureStatus: () => 503,
    longestAnswerMs: () => 1000,
    maxConnections: () => 10,
    onCrowded() {},
    onRefused() {},
    onFault() {},
    log: createLog("error", () => {}),
  });
  const port = server.address.family === "tcp" ? server.address.port : 0;
  const connect = () => Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
  try {
    expect(server.openConnections()).toBe(0);
    // One from before the server looks at connections is not counted.
    const counted = await until(async () => {
      const socket = await connect();
      socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      await Bun.sleep(50);
      return server.openConnections() === 1 ? socket : void socket.terminate();
    });
    counted.terminate();
    await until(() => server.openConnections() === 0);
  } finally {
    await server.close();
  }
});
