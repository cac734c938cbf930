// A real HAProxy as the client: it checks as it does by default (OPTIONS, HTTP/1.0, no Host)
// and as its users have it ask.

import { expect } from "bun:test";
import { startDaemon } from "../support/daemon.ts";
import { DOWN, startHaproxy, UP } from "../support/haproxy.ts";
import { needs } from "../support/needs.ts";
import { relayTo } from "../support/relay.ts";

const test = await needs("haproxy");

test("HAProxy sees UP, DOWN and UP again, by option httpchk and by http-check send", async () => {
  // What is checked is of no matter here: a port that closes and opens.
  using target = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  using relay = relayTo(target.port);
  await using daemon = await startDaemon(["--port", relay.address, "--log-level", "debug"]);
  await using haproxy = await startHaproxy(daemon.port);

  await haproxy.bothSee(UP);
  relay.close();
  await haproxy.bothSee(DOWN);
  relay.open();
  await haproxy.bothSee(UP);

  // Both ways of asking came in as they were configured.
  await daemon.logged(/ request method=OPTIONS \w+=\/$/);
  expect(await daemon.logged(/ request method=GET /)).toContain("/health");
}, 120_000);

test("HAProxy sees the daemon itself go away", async () => {
  await using daemon = await startDaemon(["--script", "true"]);
  await using haproxy = await startHaproxy(daemon.port);
  await haproxy.bothSee(UP);
  expect(await daemon.stop()).toBe(0);
  await haproxy.bothSee({ status: "DOWN", check: "L4CON", code: "" });
}, 120_000);
