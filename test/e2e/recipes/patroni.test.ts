// The recipe for Patroni, on a real one that is the primary of its cluster.

import { expect } from "bun:test";
import { needs } from "../../support/needs.ts";
import { startPatroni } from "../../support/patroni.ts";
import { recipe } from "../../support/recipes.ts";

const test = await needs("patroni", "etcd", "PostgreSQL's initdb");

test("Patroni's REST API gives the state of a host and its role", async () => {
  await using patroni = await startPatroni();
  await using roles = await recipe("Patroni", { "127.0.0.1:8008": patroni.address });
  expect(await roles.states()).toEqual({
    patroni: "up",
    postgres: "up",
    "is-primary": "up",
    "is-replica": "not-ready",
  });
  await patroni.stop();
  const gone = { patroni: "refused", postgres: "refused", "is-primary": "refused", "is-replica": "refused" };
  expect(await roles.states()).toEqual(gone);
}, 120_000);
