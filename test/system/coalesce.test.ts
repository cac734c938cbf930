// Calls of the same moment share a load, and no call gets a load that began before it.

import { expect, test } from "bun:test";
import { coalesce } from "../../src/system/coalesce.ts";

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function setUp(atOnce = 1) {
  const calls: { readonly keys: readonly string[]; readonly signal: AbortSignal; end(): void; fail(): void }[] = [];
  const ask = coalesce<string>({
    loadAll: (keys, signal) => {
      const { promise, resolve, reject } = Promise.withResolvers<(key: string) => string>();
      const number = calls.length;
      const end = () => resolve((key) => `${key} of ${number}`);
      signal.addEventListener("abort", end);
      calls.push({ keys, signal, end, fail: () => reject(new Error("a fault")) });
      return promise;
    },
    onAbort: () => "cut",
    atOnce,
  });
  return { ask, calls };
}

test("calls in one turn of the loop share a load, with each key once; a later call has the next load", async () => {
  const { ask, calls } = setUp();
  const first = [ask("a", never), ask("b", never), ask("a", never)];
  await turn();
  expect(calls.map(({ keys }) => keys)).toEqual([["a", "b"]]);
  const later = [ask("a", never), ask("c", never)];
  await turn();
  expect(calls).toHaveLength(1);
  calls[0]?.end();
  expect(await Promise.all(first)).toEqual(["a of 0", "b of 0", "a of 0"]);
  await turn();
  expect(calls.map(({ keys }) => keys)).toEqual([
    ["a", "b"],
    ["a", "c"],
  ]);
  calls[1]?.end();
  expect(await Promise.all(later)).toEqual(["a of 1", "c of 1"]);
});

test("a load that hangs does not delay others", async () => {
  const { ask, calls } = setUp(2);
  const asked: Promise<string>[] = [];
  for (const key of ["a", "b", "c"]) {
    asked.push(ask(key, never));
    await turn();
  }
  expect(calls.map(({ keys }) => keys)).toEqual([["a"], ["b"]]);
  calls[1]?.end();
  expect(await asked[1]).toBe("b of 1");
  await turn();
  calls[2]?.end();
  expect(await asked[2]).toBe("c of 2");
});

test("a caller that aborts is answered at once; when all have aborted, the load is aborted", async () => {
  const { ask, calls } = setUp();
  const [one, other] = [new AbortController(), new AbortController()];
  const asked = [ask("a", one.signal), ask("a", other.signal)];
  await turn();
  one.abort();
  expect(await asked[0]).toBe("cut");
  expect(calls[0]?.signal.aborted).toBe(false);
  other.abort();
  expect(calls[0]?.signal.aborted).toBe(true);
  // Its answers count, since it ended in time.
  expect(await asked[1]).toBe("a of 0");
});

test("a load does not begin if all its callers have aborted", async () => {
  const { ask, calls } = setUp();
  const left = new AbortController();
  const asked = [ask("a", left.signal), ask("a", AbortSignal.abort())];
  left.abort();
  expect(await Promise.all(asked)).toEqual(["cut", "cut"]);
  await turn();
  expect(calls).toHaveLength(0);
  const again = ask("b", never);
  await turn();
  calls[0]?.end();
  expect(await again).toBe("b of 0");
});

test("a fault reaches the callers, and the next load begins", async () => {
  const { ask, calls } = setUp();
  const asked = ask("a", never);
  await turn();
  calls[0]?.fail();
  expect(asked).rejects.toThrow("a fault");
  await asked.catch(() => {});
  const again = ask("a", never);
  await turn();
  calls[1]?.end();
  expect(await again).toBe("a of 1");
});
