// The one-line summary of the host, in its long and its short form.

import { expect, test } from "bun:test";
import type { Severity } from "../../src/checks/check.ts";
import { countUp, type FailingCheck, listFirst, summarize } from "../../src/status/summary.ts";

const standing = (isUp: boolean, severity: Severity = "critical") => ({ isUp, severity });

const CACHE: FailingCheck = { name: "cache", reason: "refused" };
const GONE: FailingCheck = { name: "gone" };

test("checks of severity endpoint do not count", () => {
  expect(countUp([])).toBe("0 of 0 up");
  expect(countUp([standing(true), standing(false, "warning"), standing(false, "endpoint")])).toBe("1 of 2 up");
});

test("the long form has the count, and every check that makes the host unhealthy", () => {
  expect(summarize([standing(true), standing(false, "warning")], true, [])).toBe("healthy, 1 of 2 up");
  expect(summarize([standing(true), standing(false)], false, [CACHE, GONE])).toBe(
    "unhealthy, 1 of 2 up: cache (refused), gone",
  );
});

test("the short form names the first checks", () => {
  expect(listFirst([], 2)).toBe("");
  expect(listFirst([CACHE, GONE], 2)).toBe("cache refused, gone");
  expect(listFirst([GONE, CACHE, CACHE, CACHE], 2)).toBe("gone, cache refused and 2 more");
});
