// Two databases on one host.

import { expect } from "bun:test";
import { converse } from "../support/converse.ts";
import { startDaemon } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";
import { relayTo } from "../support/relay.ts";
import { until } from "../support/until.ts";

const POSTGRES = 5432;
const MARIADB = 3306;

const HEALTHY = { status: 200, body: "OK" };
const UNHEALTHY = { status: 504, body: "At least one health check failed" };

/** How a PostgreSQL client asks whether TLS may be spoken; the answer is one letter. */
const SSL_REQUEST = Uint8Array.of(0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f);

const test = await needs("PostgreSQL on port 5432", "MariaDB on port 3306");

test("--port 5432 --port 3306 is healthy while PostgreSQL and MariaDB run", async () => {
  const local = (port: number) => ({ hostname: "127.0.0.1", port });
  expect(await converse(local(POSTGRES), SSL_REQUEST, () => true)).toMatch(/^[SN]/);
  expect(await converse(local(MARIADB), "", () => true)).toContain("MariaDB");

  await using daemon = await startDaemon(["--port", "5432", "--port", "3306"]);
  const { headers, ...answer } = await daemon.ask();
  expect(answer).toEqual(HEALTHY);
  expect(headers.get("content-type")).toBe("text/plain; charset=utf-8");
  expect(headers.get("cache-control")).toBe("no-store");
  for (const method of ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"]) {
    const { status, body } = await daemon.ask("/any/path?and=query", { method });
    expect({ method, status, body }).toEqual({ method, status: 200, body: method === "HEAD" ? "" : "OK" });
  }
  expect(await daemon.stop()).toBe(0);
}, 30_000);

for (const [stopping, steady] of [
  ["PostgreSQL", "MariaDB"],
  ["MariaDB", "PostgreSQL"],
] as const) {
  test(`${stopping} stops answering and comes back while ${steady} runs: 200, 504, 200`, async () => {
    using first = relayTo(stopping === "PostgreSQL" ? POSTGRES : MARIADB);
    using second = relayTo(steady === "PostgreSQL" ? POSTGRES : MARIADB);
    await using daemon = await startDaemon(["--port", first.address, "--port", second.address]);
    const ask = async () => {
      const { status, body } = await daemon.ask();
      return { status, body };
    };

    expect(await ask()).toEqual(HEALTHY);
    await until(() => first.accepted() === 1, 10_000, "the relay to have passed the first on");
    first.close();
    expect(await ask()).toEqual(UNHEALTHY);
    expect(await daemon.logged("check is down")).toContain(`check="tcp ${first.address}" reason=refused`);
    expect(await daemon.logged("host is unhealthy")).toEndWith(`failing="tcp ${first.address}"`);
    first.open();
    expect(await ask()).toEqual(HEALTHY);
    expect(await daemon.logged(/check is up .*down-for=/)).toContain(first.address);

    // Each round looked at both.
    await until(() => first.accepted() === 2 && second.accepted() === 3, 10_000, "the relays to have passed all");
  }, 30_000);
}
