// Progress is printed when it changes; on a terminal it is one line that is redrawn.

import { afterEach, expect, jest, test } from "bun:test";
import { createProgress } from "../../../src/cli/check/progress.ts";
import type { Results } from "../../../src/cli/check/rounds.ts";
import { failed } from "../../../src/outcome.ts";
import { fakeCheck } from "../../monitor/fakes.ts";

afterEach(() => void jest.useRealTimers());

const down = (reason: "exit" | "signal"): Results => [
  { check: fakeCheck({ name: "it" }), startedAt: 0, start: 0, durationMs: 1, outcome: failed(reason, "no leader") },
];

const up: Results = [
  { check: fakeCheck({ name: "it" }), startedAt: 0, start: 0, durationMs: 1, outcome: { ok: true } },
];

function start(isTerminal: boolean) {
  jest.useFakeTimers();
  const written: string[] = [];
  const place = { isTerminal, columns: () => 80, write: (text: string) => void written.push(text) };
  const progress = createProgress(60_000, place);
  const pass = (ms: number) => void jest.advanceTimersByTime(ms);
  return { progress, written, pass };
}

test("without a terminal there is a line for the first round and for each new reason, and no other", () => {
  const { progress, written, pass } = start(false);
  for (const reason of ["exit", "exit", "signal", "signal"] as const) {
    progress.show(down(reason));
    pass(1500);
  }
  progress.end(down("signal"));
  expect(written).toEqual([
    "health-checker: not healthy after 0s: it (exit)\n",
    "health-checker: not healthy after 3s: it (signal)\n",
    "health-checker: not healthy after 1m, the limit of --wait: it (signal)\n",
  ]);
});

test("on a terminal the line is redrawn with each round and each second, and is cleared at the end", () => {
  const { progress, written, pass } = start(true);
  pass(1000);
  progress.show(down("exit"));
  pass(999);
  expect(written).toHaveLength(2);
  pass(1);
  progress.end(up);
  pass(5000);
  expect(written).toEqual(
    ["waiting, 1s of 1m", "waiting, 1s of 1m: it (exit)", "waiting, 2s of 1m: it (exit)", ""].map(
      (text) => `\r\x1b[K${text}`,
    ),
  );
});

test("on a terminal the last line stays if the host is not healthy, and nothing stays after a signal", () => {
  const { progress, written } = start(true);
  progress.end(down("exit"));
  expect(written.join("")).toBe("\r\x1b[Khealth-checker: not healthy after 1m, the limit of --wait: it (exit)\n");
  const stopped = start(true);
  stopped.progress.end(undefined);
  expect(stopped.written).toEqual(["\r\x1b[K"]);
});
