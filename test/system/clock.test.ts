// The clock is that of the kernel: it counts from the boot of the host, suspended or not.

import { afterEach, expect, jest, test } from "bun:test";
import { callAt, clock } from "../../src/system/clock.ts";
import { fakeClock } from "../monitor/fakes.ts";

afterEach(() => void jest.useRealTimers());

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("it says what the kernel says of its uptime", async () => {
  // Of the wall clock's hundredths of a second, and between two looks at our own.
  const before = clock.now();
  const [uptime = ""] = (await Bun.file("/proc/uptime").text()).split(" ");
  const after = clock.now();
  expect(Number(uptime) * 1000).toBeGreaterThan(before - 10.1);
  expect(Number(uptime) * 1000).toBeLessThanOrEqual(after);
});

test("the clock runs on, in fractions of a millisecond, no faster than the runtime's own", () => {
  const before = performance.now();
  const start = clock.now();
  const seen = new Set<number>();
  while (seen.size < 100) {
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(start);
    seen.add(now);
  }
  // One counts from the boot and one from the start of the process, but both count the same.
  expect(clock.now() - start).toBeLessThanOrEqual(performance.now() - before + 0.001);
});

test("the clock does not stop, however often it is read and whatever memory is collected meanwhile", async () => {
  let last = clock.now();
  for (let turn = 0; turn < 5000; turn++) {
    for (let read = 0; read < 100; read++) clock.now();
    if (turn % 500 === 0) Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
    const now = clock.now();
    expect(now).toBeGreaterThan(last);
    last = now;
  }
});

test("a timer calls at its time and not before, unless it is cancelled", () => {
  jest.useFakeTimers();
  const came: string[] = [];
  const cancel = clock.after(10, () => came.push("cancelled"));
  clock.after(60, () => came.push("late"));
  clock.after(20, () => came.push("early"));
  cancel();
  jest.advanceTimersByTime(19);
  expect(came).toEqual([]);
  jest.advanceTimersByTime(40);
  expect(came).toEqual(["early"]);
  jest.advanceTimersByTime(1);
  expect(came).toEqual(["early", "late"]);
});

test("a timer of a fraction of a millisecond more than 20 does not call at 20", () => {
  jest.useFakeTimers();
  let came = 0;
  clock.after(20.1, () => came++);
  jest.advanceTimersByTime(20);
  expect(came).toBe(0);
  jest.advanceTimersByTime(1);
  expect(came).toBe(1);
});

test("a timer that is longer than setTimeout supports does not call at once", async () => {
  let came = false;
  const cancel = clock.after(2 ** 40, () => {
    came = true;
  });
  // A timer that overflowed would fire after a millisecond, before this one.
  await new Promise<void>((resolve) => void clock.after(5, resolve));
  cancel();
  expect(came).toBe(false);
});

test("callAt calls at its time and not before, even after more than 24 days", async () => {
  for (const restMs of [1, 1000, 30_001, 40 * 24 * 3_600_000]) {
    const fake = fakeClock();
    const at = fake.now() + restMs;
    const calls: number[] = [];
    callAt(fake, at, () => calls.push(fake.now()));
    await fake.pass(restMs - 1);
    expect(calls).toEqual([]);
    await fake.pass(1);
    expect(calls).toEqual([at]);
  }
});

test("a suspension delays callAt by half a minute at most", async () => {
  const fake = fakeClock();
  const calls: number[] = [];
  callAt(fake, fake.now() + 3_600_000, () => calls.push(fake.now()));
  await fake.suspend(7_200_000);
  await fake.pass(30_000);
  expect(calls).toHaveLength(1);
});

test("a cancelled callAt does not call", async () => {
  const fake = fakeClock();
  const calls: number[] = [];
  const cancel = callAt(fake, fake.now() + 100_000, () => calls.push(fake.now()));
  await fake.pass(50_000);
  cancel();
  await fake.pass(100_000);
  expect(calls).toEqual([]);
});
