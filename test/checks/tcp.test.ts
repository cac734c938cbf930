// A port is up when a connection is accepted in time, by one address of a name at least.

import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { runCheck } from "../../src/checks/run.ts";
import { tcp } from "../../src/checks/tcp.ts";
import { listenRaw } from "../net/raw-socket.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { freePort } from "../support/listeners.ts";
import { handshakesTo } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const never = new AbortController().signal;

test("a check has its kind and its target", () => {
  const targetOf = (written: string | number) => {
    const { kind, target } = checkOf(tcp, { tcp: written });
    return { kind, target };
  };
  expect(targetOf("[::1]:80")).toEqual({ kind: "tcp", target: "[::1]:80" });
  expect(targetOf(80)).toEqual({ kind: "tcp", target: "127.0.0.1:80" });
  expect(targetOf("unix:/x")).toEqual({ kind: "tcp", target: "unix:/x" });
});

test("a listener is up, by address, by name and by path", async () => {
  await using folder = await tempFolder();
  const path = join(folder.path, "s");
  using four = listenRaw({ family: "v4" });
  using six = listenRaw({ family: "v6" });
  using local = listenRaw({ family: "unix", path });
  expect(local.accept()).toBeUndefined();
  for (const written of [
    `127.0.0.1:${four.port}`,
    `[::1]:${six.port}`,
    // Whichever addresses the name has, and in whichever order, one of them is listened on.
    `localhost:${four.port}`,
    `unix:${path}`,
  ]) {
    expect(await outcomeOf(tcp, { tcp: written })).toEqual({ ok: true });
  }
});

test("without a listener it is down, with each address of the name in the message", async () => {
  const port = await freePort();
  expect(await outcomeOf(tcp, { tcp: port })).toEqual({
    ok: false,
    reason: "refused",
    message: `127.0.0.1:${port} refused the connection`,
  });
  const outcome = await outcomeOf(tcp, { tcp: `localhost:${port}` });
  expect(outcome).toMatchObject({ ok: false, reason: "refused" });
  expect(outcome).toHaveProperty(
    "message",
    expect.stringMatching(/^(127\.0\.0\.1|\[::1\]):\d+ refused the connection/),
  );
});

test("a name without an address is down, and the reason is resolve", async () => {
  expect(await outcomeOf(tcp, { tcp: "no-such-name.invalid:80" })).toMatchObject({ ok: false, reason: "resolve" });
}, 30_000);

test("a peer that drops handshakes is down at the timeout, and nothing of the run stays open", async () => {
  using peer = listenRaw({ family: "v4" }, 0);
  peer.fill();
  await outcomeOf(tcp, { tcp: peer.port }, { timeoutMs: 20 });
  const before = readdirSync("/proc/self/fd").length;
  for (const host of ["127.0.0.1", "localhost"]) {
    const outcome = await outcomeOf(tcp, { tcp: `${host}:${peer.port}` }, { timeoutMs: 400 });
    expect(outcome).toMatchObject({ ok: false, reason: "timeout" });
    expect(outcome).toHaveProperty("message", expect.stringContaining(`127.0.0.1:${peer.port} did not accept`));
    expect(outcome).toHaveProperty("message", expect.stringContaining("(timeout 400ms)"));
  }
  await until(() => readdirSync("/proc/self/fd").length <= before);
  await until(() => handshakesTo(peer.port) === 0);
});

test("one check can run many times at once", async () => {
  using peer = listenRaw({ family: "v4" });
  const check = checkOf(tcp, { tcp: `localhost:${peer.port}` });
  const results = await Promise.all(Array.from({ length: 100 }, () => runCheck(check, never)));
  expect(results.every(({ outcome }) => outcome.ok)).toBe(true);
});
