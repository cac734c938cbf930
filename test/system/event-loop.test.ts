// A wait ends with its promise or at its limit, and leaves no timer behind.

import { expect, test } from "bun:test";
import { unlessAborted, within } from "../../src/system/event-loop.ts";
import { fakeClock, settle } from "../monitor/fakes.ts";

/** A fake clock that counts the timers that have neither fired nor been cancelled. */
function countingClock() {
  const clock = fakeClock();
  let armed = 0;
  return {
    armed: () => armed,
    pass: clock.pass,
    now: clock.now,
    after(ms: number, then: () => void) {
      armed++;
      const cancel = clock.after(ms, then);
      return () => {
        armed--;
        cancel();
      };
    },
  };
}

test("a promise that ends in time is the result, a rejection too", async () => {
  const clock = countingClock();
  expect(await within(Promise.resolve("here"), 1000, clock)).toBe("here");
  await expect(within(Promise.reject(new Error("no")), 1000, clock)).rejects.toThrow("no");
  expect(clock.armed()).toBe(0);
});

test("a promise that does not end in time is undefined at the limit, and not before; a later rejection is dropped", async () => {
  const clock = countingClock();
  const { promise, reject } = Promise.withResolvers<string>();
  const waited = within(promise, 1000, clock);
  let isOver = false;
  void waited.then(() => {
    isOver = true;
  });
  await clock.pass(999);
  expect(isOver).toBe(false);
  await clock.pass(1);
  expect(await waited).toBeUndefined();
  expect(clock.armed()).toBe(0);
  reject(new Error("late"));
  await clock.pass(1);
});

test("a promise loses to an abort, and its later result is dropped", async () => {
  const cut = new AbortController();
  const { promise, reject } = Promise.withResolvers<string>();
  const waited = unlessAborted(promise, cut.signal, () => "aborted");
  cut.abort();
  expect(await waited).toBe("aborted");
  reject(new Error("late"));
  await settle();
  const after = unlessAborted(Promise.reject(new Error("no")), cut.signal, () => "aborted");
  expect(await after).toBe("aborted");
});

test("a promise that ends before an abort is the result", async () => {
  const cut = new AbortController();
  expect(await unlessAborted(Promise.resolve("here"), cut.signal, () => "aborted")).toBe("here");
  await expect(unlessAborted(Promise.reject(new Error("no")), cut.signal, () => "aborted")).rejects.toThrow("no");
  cut.abort();
});
