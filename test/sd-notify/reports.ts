// Reports of a monitor about the checks of a test.

import type { CheckResult, Severity } from "../../src/checks/check.ts";
import type { CheckReport } from "../../src/monitor/monitor.ts";
import type { Outcome } from "../../src/outcome.ts";
import { fakeCheck } from "../monitor/fakes.ts";

export const TIMEOUT: Outcome = { ok: false, reason: "timeout", message: "nothing came" };
export const REFUSED: Outcome = { ok: false, reason: "refused", message: "connection refused" };

interface Given {
  readonly status?: "up" | "down";
  readonly outcome?: Outcome;
  readonly stale?: boolean;
  readonly severity?: Severity;
  readonly intervalMs?: number;
}

export function report(
  name: string,
  { status, outcome = { ok: true }, stale = false, ...given }: Given = {},
): CheckReport {
  const check = fakeCheck({ name, timeoutMs: 2000, ...given });
  const last: CheckResult = { check, startedAt: 0, start: 0, durationMs: 1, outcome };
  const state = status ? { status, streak: 1, since: 0, last } : { status: "unknown" as const, streak: 0, since: 0 };
  return { check, state, stale };
}

export const up = (name: string, given: Given = {}) => report(name, { status: "up", ...given });
export const down = (name: string, outcome: Outcome, given: Given = {}) =>
  report(name, { status: "down", outcome, ...given });
