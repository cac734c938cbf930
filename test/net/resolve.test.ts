// A name resolves to its addresses or to a failure, and never later than its caller's abort.

import { expect, test } from "bun:test";
import { resolve } from "../../src/net/resolve.ts";
import { isFailure } from "../../src/outcome.ts";

const never = new AbortController().signal;

test("localhost is this host", async () => {
  const found = await resolve("localhost", never);
  if (isFailure(found)) throw new Error(found.message);
  expect(found.addresses).not.toHaveLength(0);
  for (const address of found.addresses) expect(address).toBeOneOf(["127.0.0.1", "::1"]);
  expect(new Set(found.addresses).size).toBe(found.addresses.length);
  expect(found.warning).toBeUndefined();
});

// By RFC 6761 no name under .invalid resolves.
test("a name without an address says so", async () => {
  const failure = await resolve("no-such-name.invalid", never);
  expect(failure).toMatchObject({ ok: false, reason: "resolve" });
  expect(failure).toHaveProperty(
    "message",
    expect.stringMatching(/^no-such-name\.invalid has no address \(EAI_\w+\)$/),
  );
}, 30_000);

test("a caller that aborts gets a timeout at once", async () => {
  const failure = { ok: false, reason: "timeout", message: "looking up localhost" } as const;
  expect(await resolve("localhost", AbortSignal.abort())).toEqual(failure);
  const caller = new AbortController();
  const answer = resolve("localhost", caller.signal);
  caller.abort();
  expect(await answer).toEqual(failure);
});

test("a caller that leaves does not affect the others of the same name", async () => {
  const leaver = new AbortController();
  const left = resolve("localhost", leaver.signal);
  const others = Promise.all([resolve("localhost", never), resolve("localhost", never)]);
  leaver.abort();
  expect(await left).toHaveProperty("reason", "timeout");
  const [one, other] = await others;
  expect(one).toEqual(other);
  expect(one).not.toHaveProperty("reason");
});

test("all names get an answer, also more than are looked up at once", async () => {
  const names = Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? `a${index}.localhost` : "localhost"));
  const answers = await Promise.all(names.map((name) => resolve(name, never)));
  for (const answer of answers) expect("addresses" in answer || answer.reason === "resolve").toBe(true);
}, 30_000);
