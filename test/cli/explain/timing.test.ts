// The latest time of an answer, and of a load balancer's reaction to a failure.

import { expect, test } from "bun:test";
import { calculateTiming, decidingHost, type TimedCheck } from "../../../src/cli/explain/timing.ts";

const check = (given: Partial<TimedCheck> = {}): TimedCheck => ({
  name: "it",
  severity: "critical",
  timeoutMs: 2000,
  intervalMs: undefined,
  fall: 1,
  ...given,
});

const background = { intervalMs: 10_000, fall: 2 };
const warning = { severity: "warning", timeoutMs: 9000 } as const;
const endpoint = { severity: "endpoint", timeoutMs: 9000 } as const;

test.each([
  ["one check on request", {}, [check()], { answerMs: 2050, burstMs: 4100, detectMs: 62_050 }],
  [
    "the longest counts",
    {},
    [check(), check({ timeoutMs: 5000 })],
    { answerMs: 5050, burstMs: 10_100, detectMs: 65_050 },
  ],
  [
    "a deadline shortens both",
    { deadlineMs: 1500 },
    [check()],
    { answerMs: 1500, burstMs: undefined, detectMs: 61_500 },
  ],
  ["a deadline shortens a burst alone", { deadlineMs: 3000 }, [check()], { answerMs: 2050, burstMs: 3000 }],
  [
    "with shared rounds a burst takes no longer",
    { singleflight: true },
    [check()],
    { answerMs: 2050, burstMs: undefined },
  ],
  ["no answer waits for a check of severity warning", {}, [check(), check(warning)], { answerMs: 2050, burstMs: 4100 }],
  [
    "no answer waits for a check of severity endpoint",
    {},
    [check(), check(endpoint)],
    { answerMs: 2050, burstMs: 4100, detectMs: 62_050 },
  ],
  [
    "from memory a failure is unseen for fall intervals and the timeout",
    { deadlineMs: 4500 },
    [check({ ...background, name: "slow" }), check({ intervalMs: 1000 })],
    { answerMs: undefined, burstMs: undefined, unseen: { ms: 22_000, check: "slow" }, detectMs: 82_000 },
  ],
  [
    "both ways at once",
    { deadlineMs: 4500 },
    [check(), check({ ...background, name: "slow" })],
    { answerMs: 2050, burstMs: 4100, unseen: { ms: 22_000, check: "slow" }, detectMs: 82_000 },
  ],
  [
    "nothing decides",
    {},
    [check(warning)],
    { answerMs: undefined, burstMs: undefined, unseen: undefined, detectMs: 60_000 },
  ],
] as const)("%s", (_, given, checks, expected) => {
  const timing = { deadlineMs: undefined, singleflight: false, maxRounds: 16, ...given, checks };
  expect(calculateTiming(timing, decidingHost(checks))).toMatchObject(expected);
});

test("an endpoint waits for all its checks, whatever their severity", () => {
  const members = [check(warning), check({ ...background, severity: "endpoint", name: "lag" })];
  const timing = { deadlineMs: undefined, singleflight: false, maxRounds: 16, checks: [check(), ...members] };
  expect(calculateTiming(timing, members)).toEqual({
    answerMs: 9050,
    burstMs: 18_100,
    unseen: { ms: 22_000, check: "lag" },
    detectMs: 82_000,
  });
});
