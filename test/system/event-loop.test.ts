// A wait ends with what is waited for, or at its limit, and leaves no timer behind.

import { expect, test } from "bun:test";
import { within } from "../../src/system/event-loop.ts";
import { fakeClock } from "../monitor/fakes.ts";

/** A fake clock that counts the alarms which are neither over nor called off. */
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

test("what comes in time is what it comes to, a rejection too", async () => {
  const clock = countingClock();
  expect(await within(Promise.resolve("here"), 1000, clock)).toBe("here");
  await expect(within(Promise.reject(new Error("no")), 1000, clock)).rejects.toThrow("no");
  expect(clock.armed()).toBe(0);
});

test("what does not is undefined at the limit, and not before; a rejection after it is nobody's", async () => {
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
