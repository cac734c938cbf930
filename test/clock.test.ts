// The clock is the kernel's: it counts from the boot of the host, suspended or not.

import { expect, test } from "bun:test";
import { clock } from "../src/clock.ts";
import { until } from "./support/until.ts";

const onLinux = test.skipIf(process.platform !== "linux");

onLinux("it says what the kernel says of its uptime", async () => {
  // Of the wall clock's hundredths of a second, and between two looks at our own.
  const before = clock.now();
  const [uptime = ""] = (await Bun.file("/proc/uptime").text()).split(" ");
  const after = clock.now();
  expect(Number(uptime) * 1000).toBeGreaterThan(before - 10.1);
  expect(Number(uptime) * 1000).toBeLessThanOrEqual(after);
});

test("it goes on, in fractions of a millisecond", () => {
  const start = clock.now();
  const seen = new Set<number>();
  while (seen.size < 100) {
    const now = clock.now();
    expect(now).toBeGreaterThanOrEqual(start);
    seen.add(now);
  }
  expect(clock.now() - start).toBeLessThan(10_000);
});

test("it does not stop, however often it is looked at and whatever memory is collected meanwhile", async () => {
  let last = clock.now();
  for (let turn = 0; turn < 5000; turn++) {
    for (let look = 0; look < 100; look++) clock.now();
    if (turn % 500 === 0) Bun.gc(true);
    await new Promise((resolve) => setImmediate(resolve));
    const now = clock.now();
    expect(now).toBeGreaterThan(last);
    last = now;
  }
});

test("what is asked for comes after its time, unless it is cancelled", async () => {
  const came: string[] = [];
  const start = clock.now();
  const cancel = clock.after(10, () => came.push("cancelled"));
  clock.after(60, () => came.push("late"));
  clock.after(20, () => came.push("early"));
  cancel();
  await until(() => came.length === 2);
  expect(came).toEqual(["early", "late"]);
  expect(clock.now() - start).toBeGreaterThan(55);
});

test("what is further off than a timer can count does not come at once", async () => {
  let came = false;
  const cancel = clock.after(2 ** 40, () => {
    came = true;
  });
  await Bun.sleep(20); // long enough for a timer that overflowed, which nothing tells
  cancel();
  expect(came).toBe(false);
});
