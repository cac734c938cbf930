// An attempt is repeated only if it lacks a resource.

import { expect, test } from "bun:test";
import { failed, type Outcome } from "../../src/outcome.ts";
import { isLacking, retryWhileLacking } from "../../src/system/retry.ts";

const LACK = failed("resource", "no descriptor left");
const never = new AbortController().signal;

test("an attempt that lacks a resource is repeated, with the result of the previous one", async () => {
  const results: Outcome[] = [LACK, { ...LACK }, { ok: true }];
  const given: (Outcome | undefined)[] = [];
  const attempt = (last: Outcome | undefined): Outcome => {
    given.push(last);
    return results[given.length - 1] ?? LACK;
  };
  expect(await retryWhileLacking(never, attempt)).toEqual({ ok: true });
  expect(given).toEqual([undefined, ...results.slice(0, 2)]);
});

test("any other result is final", async () => {
  for (const result of [failed("refused", "no"), { ok: true }, "EMFILE", 3, undefined]) {
    let attempts = 0;
    const attempt = async () => {
      attempts++;
      return result;
    };
    expect(await retryWhileLacking<unknown>(never, attempt)).toBe(result);
    expect(attempts).toBe(1);
  }
});

test("once the signal aborts, the lack is the result, and no more attempts are made", async () => {
  for (const abortIn of ["the attempt", "the pause"]) {
    const cut = new AbortController();
    let attempts = 0;
    const result = await retryWhileLacking(cut.signal, () => {
      attempts++;
      if (abortIn === "the attempt") cut.abort();
      else setImmediate(() => cut.abort());
      return LACK;
    });
    expect([result, attempts]).toEqual([LACK, 1]);
  }
});

test("a caller whose results are codes decides which of them lack a resource", async () => {
  const codes = ["EMFILE", "EADDRNOTAVAIL", "ECONNREFUSED"];
  expect(await retryWhileLacking(never, () => codes.shift() ?? "", isLacking)).toBe("ECONNREFUSED");
});
