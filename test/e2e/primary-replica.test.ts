// One config file on both hosts of a database pair: HAProxy finds the primary by /primary and the replica by
// /replica, before and after they change roles, and neither host is unhealthy for its role.

import { expect } from "bun:test";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { DOWN, startEndpointHaproxy, UP } from "../support/haproxy.ts";
import { needs } from "../support/needs.ts";
import { startPostgresPair } from "../support/postgres-pair.ts";
import { tempFolder } from "../support/temp.ts";

const test = await needs("haproxy", "PostgreSQL's initdb");

const configFor = (postgres: string) => {
  const role = { postgres, query: "SELECT pg_is_in_recovery()", severity: "endpoint" };
  return JSON.stringify({
    defaults: { timeout: "2s" },
    checks: [
      { name: "database", postgres },
      { name: "is-primary", ...role, expect: "/^f$/" },
      { name: "is-replica", ...role, expect: "/^t$/" },
    ],
    endpoints: { "/primary": ["is-primary"], "/replica": ["is-replica"] },
  });
};

const warnings = (daemon: Daemon): readonly string[] =>
  daemon.log().filter((line) => / (WARNING|ERROR) (?!configuration warning)/.test(line));

test("HAProxy finds the primary and the replica, and finds them again when they have changed roles", async () => {
  await using folder = await tempFolder();
  await using pair = await startPostgresPair();
  const { primary: one, replica: two } = pair;
  const configs = await Promise.all([
    folder.write("one.yaml", configFor(one.url)),
    folder.write("two.yaml", configFor(two.url)),
  ]);
  // The checks of one host run in the background, those of the other on request.
  await using hostOne = await startDaemon(["--config", configs[0], "--interval", "200ms"]);
  await using hostTwo = await startDaemon(["--config", configs[1]]);
  await using haproxy = await startEndpointHaproxy([hostOne.port, hostTwo.port], ["/", "/primary", "/replica"]);

  await haproxy.see({ "/": [UP, UP], "/primary": [UP, DOWN], "/replica": [DOWN, UP] });
  expect(await hostOne.logged("check is down")).toContain(" INFO check is down check=is-replica reason=mismatch ");
  expect(await hostTwo.logged("check is down")).toContain(" INFO check is down check=is-primary reason=mismatch ");
  expect(warnings(hostOne)).toEqual([]);

  await one.stop();
  await two.promote();
  await haproxy.see({ "/": [DOWN, UP], "/primary": [DOWN, UP], "/replica": [DOWN, DOWN] });

  await one.startAsReplica();
  await haproxy.see({ "/": [UP, UP], "/primary": [DOWN, UP], "/replica": [UP, DOWN] });
  // The second host changed its role and nothing else.
  expect(warnings(hostTwo)).toEqual([]);
  expect(warnings(hostOne).filter((line) => line.includes("check=is-"))).toEqual([]);
}, 120_000);
