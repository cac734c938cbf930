// How much memory the recorder takes for 1,000 checks: the figures of docs/performance.md. Each case runs in a process of
// its own. `bun bench/recorder-memory.ts`

import type { Check, CheckResult, CheckState } from "../src/checks/check.ts";
import type { Outcome } from "../src/outcome.ts";
import {
  CHECK_CHANGES_REMEMBERED,
  CLIENTS_REMEMBERED,
  HOST_CHANGES_REMEMBERED,
  LONGEST_REMEMBERED,
  RUNS_REMEMBERED,
} from "../src/status/bounds.ts";
import { Recorder } from "../src/status/recorder.ts";
import { median } from "./statistics.ts";

const CHECKS = 1000;
const ROUNDS = 5;
const MIB = 1024 * 1024;

/** The length of what a failure says; undefined if no run fails. */
const CASES: Readonly<Record<string, number | undefined>> = {
  "60 runs of each check, no change": undefined,
  "60 runs and 50 changes of each check, details of 60 characters": 60,
  "60 runs and 50 changes of each check, details of 200 characters": LONGEST_REMEMBERED,
};

interface Used {
  readonly heap: number;
  readonly resident: number;
}

const [detail, remembered] = process.argv.slice(2);
if (detail === undefined) for (const [name, length] of Object.entries(CASES)) compare(name, length);
else console.log(JSON.stringify(measure(detail === "none" ? undefined : Number(detail), remembered === "all")));

/** Compares with a process that records as many runs, all of one check, and makes as much garbage. */
function compare(name: string, detailLength: number | undefined): void {
  const used = (...args: string[]): Used =>
    JSON.parse(
      Bun.spawnSync([process.execPath, import.meta.path, `${detailLength ?? "none"}`, ...args]).stdout.toString(),
    );
  const rounds = Array.from({ length: ROUNDS }, () => [used("all"), used("one")] as const);
  const more = (of: keyof Used) => (median(rounds.map(([all, one]) => all[of] - one[of])) / MIB).toFixed(1);
  console.log(`${name}: heap ${more("heap")} MiB, resident ${more("resident")} MiB`);
}

function measure(detailLength: number | undefined, isForAll: boolean): Used {
  const checks = Array.from({ length: CHECKS }, (_, index) => ({ name: `check ${index}`, kind: "tcp" }) as Check);
  const recorder = new Recorder();
  for (const check of checks) fill(recorder, isForAll ? check : (checks[0] ?? check), detailLength);
  fillHost(recorder);
  Bun.gc(true);
  Bun.shrink();
  const { heapUsed, rss } = process.memoryUsage();
  if (recorder.check("check 0").lastRuns.length !== RUNS_REMEMBERED) throw new Error("the runs were not remembered");
  return { heap: heapUsed, resident: rss };
}

/** Runs that pass, or that pass and fail in turn. */
function fill(recorder: Recorder, check: Check, detailLength: number | undefined): void {
  const runs = Math.max(RUNS_REMEMBERED, CHECK_CHANGES_REMEMBERED + 1);
  let before: CheckState = { status: "unknown", streak: 0, since: 0 };
  for (let run = 0; run < runs; run++) {
    const passes = detailLength === undefined || run % 2 === 0;
    const message = `${check.name} ${run} `.padEnd(detailLength ?? 0, "x");
    const outcome: Outcome = passes ? { ok: true } : { ok: false, reason: "refused", message };
    const result: CheckResult = { check, start: run, startedAt: Date.now(), durationMs: 1.5, outcome };
    const after: CheckState = { status: passes ? "up" : "down", streak: 1, since: run, last: result };
    recorder.onResult(result, before, after);
    before = after;
  }
}

function fillHost(recorder: Recorder): void {
  for (let change = 0; change < HOST_CHANGES_REMEMBERED; change++) {
    recorder.onHostState({ state: change % 2 === 0 ? "healthy" : "unhealthy" });
  }
  for (let client = 0; client < CLIENTS_REMEMBERED; client++) {
    const userAgent = `client ${client}`.padEnd(LONGEST_REMEMBERED, "x");
    recorder.onAnswered({ address: "10.0.0.1", userAgent }, "/", 200, 0, 0.001);
  }
}
