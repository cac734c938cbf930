// One config file on both hosts of a database pair: HAProxy finds the primary by /primary and the replica by
// /replica, before and after they change roles, and neither host is unhealthy for its role.

import { expect } from "bun:test";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { DOWN, startEndpointHaproxy, UP } from "../support/haproxy.ts";
import { needs } from "../support/needs.ts";
import { startPostgresPair } from "../support/postgres-pair.ts";
import { type Recipe, recipe } from "../support/recipes.ts";
import { until } from "../support/until.ts";

const test = await needs("haproxy", "PostgreSQL's initdb");

/** The recipe of docs/checks.md on one host of the pair. */
const recipeFor = (postgres: string, others: Readonly<Record<string, string>> = {}) =>
  recipe("PostgreSQL primary and replica", { [PAGE_URL]: postgres, ...others });

const PAGE_URL = "postgres://health@/postgres?host=/run/postgresql";

const warnings = (daemon: Daemon): readonly string[] =>
  daemon.log().filter((line) => / (WARNING|ERROR) (?!configuration warning)/.test(line));

test("HAProxy finds the primary and the replica, and finds them again when they have changed roles", async () => {
  await using pair = await startPostgresPair();
  const { primary: one, replica: two } = pair;
  await using recipeOne = await recipeFor(one.url);
  await using recipeTwo = await recipeFor(two.url);
  // The checks of one host run in the background, those of the other on request.
  await using hostOne = await startDaemon(["--config", recipeOne.file, "--interval", "200ms"]);
  await using hostTwo = await startDaemon(["--config", recipeTwo.file]);
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

test("a replica that has received more than it has replayed is behind, by the age of what it has replayed", async () => {
  await using pair = await startPostgresPair();
  const { primary, replica } = pair;
  const url = replica.url.replace("//postgres@", "//health@");
  await using recipeAsShown = await recipeFor(url);
  await using recipeWithoutPatience = await recipeFor(url, { "interval '30 s'": "interval '0 s'" });
  const roleBy = async (shown: Recipe) => (await shown.states())["is-replica"];

  await primary.query("CREATE ROLE health LOGIN");
  await until(async () => (await roleBy(recipeWithoutPatience)) === "up", 20_000, "the replica to have replayed all");
  expect(await recipeAsShown.states()).toEqual({ database: "up", "is-primary": "mismatch", "is-replica": "up" });

  await replica.query("SELECT pg_wal_replay_pause()");
  await primary.query("CREATE TABLE news AS SELECT 1");
  await until(async () => (await roleBy(recipeWithoutPatience)) === "mismatch", 20_000, "the replica to be behind");
  expect(await roleBy(recipeAsShown)).toBe("up");

  await replica.query("SELECT pg_wal_replay_resume()");
  await until(async () => (await roleBy(recipeWithoutPatience)) === "up", 20_000, "the replica to have caught up");
}, 120_000);
