// `status` has all checks run, and is answered in time though one hangs.

import { expect, test } from "bun:test";
import type { Check, Verdict } from "../../src/checks/check.ts";
import type { Monitor } from "../../src/monitor/monitor.ts";
import { fakeCheck, type fakeClock, settle } from "./fakes.ts";
import { setUp as setUpChecks } from "./held-runs.ts";

const LONGEST_MS = 25_000;

const nothing = () => {};

const hung = (name: string, says: Partial<Check> = {}): Check & { isAborted: boolean } => {
  const check = {
    isAborted: false,
    ...fakeCheck({
      name,
      timeoutMs: 60_000,
      ...says,
      probe: ({ signal }) => {
        signal.addEventListener("abort", () => {
          check.isAborted = true;
        });
        return new Promise(nothing);
      },
    }),
  };
  return check;
};

function setUp(checks: readonly Check[], maxRounds = 16) {
  const { monitor, clock } = setUpChecks({ groups: [checks], maxRounds });
  return { monitor, clock, ask: () => monitor.runAll(LONGEST_MS) };
}

/** Not before its time. */
async function late(answer: Promise<Verdict>, clock: ReturnType<typeof fakeClock>): Promise<Verdict> {
  let answered = false;
  void answer.then(() => {
    answered = true;
  });
  await clock.pass(LONGEST_MS - 1);
  expect(answered).toBe(false);
  await clock.pass(1);
  return await answer;
}

test("a check that hangs is named, and one that has passed is not; it goes on", async () => {
  const check = hung("hung");
  const { ask, clock } = setUp([fakeCheck({ name: "fine" }), check]);
  expect(await late(ask(), clock)).toMatchObject({ healthy: false, failing: [{ name: "hung", reason: "deadline" }] });
  await settle();
  expect(check.isAborted).toBe(false);
});

test("while every place of a check is taken, it alone is unknown", async () => {
  const { ask, clock, monitor } = setUp([fakeCheck({ name: "fine" }), hung("hung")], 1);
  void waiting(monitor);
  await settle();
  expect(await late(ask(), clock)).toMatchObject({ healthy: false, failing: [{ name: "hung", reason: "deadline" }] });
});

test("one that only warns makes nobody unhealthy", async () => {
  const { ask, clock } = setUp([fakeCheck({ name: "fine" }), hung("hung", { severity: "warning" })]);
  expect(await late(ask(), clock)).toMatchObject({ healthy: true, failing: [] });
});

test.each([
  ["alone", []],
  ["beside one that runs on request", [fakeCheck({ name: "fine" })]],
])("one that hangs in the background, %s", async (_, others) => {
  const { ask, clock, monitor } = setUp([...others, hung("hung", { intervalMs: 10_000 })]);
  monitor.start();
  expect(await late(ask(), clock)).toMatchObject({ healthy: false, failing: [{ name: "hung", reason: "deadline" }] });
  monitor.abort();
});

test("what does not hang is not waited for longer", async () => {
  const { ask } = setUp([fakeCheck({ name: "fine" }), fakeCheck({ name: "warned", severity: "warning" })]);
  expect(await ask()).toMatchObject({ healthy: true, failing: [] });
});

const waiting = (monitor: Monitor) => monitor.verdict({ signal: new AbortController().signal });
