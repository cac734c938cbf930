// Whatever is changed, runs, ends or passes, in whatever order: an answer is healthy only where, of
// every check that decides under the settings that the request came under, the newest result is a pass
// that is fresh; it comes by his deadline; and nothing goes on that nobody has use for.

import { expect, test } from "bun:test";
import type { Check, Verdict } from "../../src/checks/check.ts";
import type { Outcome } from "../../src/outcome.ts";
import * as fc from "../support/properties.ts";
import { fakeCheck, fakeClock, settle } from "./fakes.ts";
import { backgroundCheck, DOWN, newClient, setUp, UP } from "./held-runs.ts";

const INTERVAL_MS = 10_000;
const STALE_AFTER_MS = 35_000;

/** What the checks of these names are. */
const KINDS = {
  a: { interval: true, critical: true },
  b: { interval: true, critical: true },
  noted: { interval: true, critical: false },
  asked: { interval: false, critical: true },
  other: { interval: false, critical: true },
} as const;
type Name = keyof typeof KINDS;
const NAMES = Object.keys(KINDS) as Name[];

/** An attempt that the test ends, in the background or for a round. */
interface Attempt {
  readonly check: Check;
  readonly startedAt: number;
  readonly end: (outcome: Outcome) => void;
  over: boolean;
}

interface Known {
  readonly ok: boolean;
  readonly freshUntil: number;
}

interface Asked {
  readonly isEndpoint: boolean;
  readonly checks: readonly Check[];
  /** By the time that timers count. */
  readonly askedAt: number;
  readonly deadlineMs: number | undefined;
  verdict?: Verdict;
  /** When the verdict came, by the boot clock: a step may let more time pass. */
  answeredAt?: number;
  judged?: true;
}

const deadlineMs = fc.constantFrom(undefined, 4000, 9000);

const settings = fc.record({
  /** Its checks, and which of them are new ones though they had the name before. */
  host: fc.uniqueArray(fc.constantFrom(...NAMES), { minLength: 1 }),
  replaced: fc.subarray(NAMES),
  part: fc.subarray(NAMES),
  singleflight: fc.boolean(),
  maxRounds: fc.constantFrom(1, 2, 3, 16),
  deadlinesMs: fc.tuple(deadlineMs, deadlineMs),
});
type Settings = typeof settings extends fc.Arbitrary<infer T> ? T : never;

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("ask" as const), group: fc.constantFrom(0, 0, 1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("change" as const), to: settings }) },
  {
    weight: 9,
    arbitrary: fc.record({ do: fc.constant("end" as const), which: fc.nat({ max: 20 }), ok: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("endAll" as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.constantFrom(1, 10, 100, 3000, 10_000, 40_000) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("suspend" as const), ms: fc.constantFrom(1000, 100_000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function play(first: Settings, steps: readonly Step[]): Promise<void> {
  const attempts: Attempt[] = [];
  const results = new Map<Check, Known>();
  const asked: Asked[] = [];
  let current = new Map<Name, Check>();
  let groups: readonly (readonly Check[])[] = [];
  let deadlinesMs: readonly (number | undefined)[] = [];
  const clock = fakeClock();
  const { now } = clock;

  const hold = (check: Check, signal: AbortSignal): Promise<Outcome> =>
    new Promise((resolve) => {
      const attempt: Attempt = {
        check,
        startedAt: now(),
        over: false,
        end(outcome) {
          attempt.over = true;
          resolve(outcome);
        },
      };
      signal.addEventListener("abort", () => {
        if (!attempt.over) attempt.end(DOWN);
      });
      attempts.push(attempt);
    });
  const make = (name: Name): Check => {
    const { interval, critical } = KINDS[name];
    const severity = critical ? "critical" : "warning";
    if (interval) return backgroundCheck({ name, severity, intervalMs: INTERVAL_MS, staleAfterMs: STALE_AFTER_MS });
    const check: Check = fakeCheck({
      name,
      severity,
      timeoutMs: 3_600_000,
      probe: ({ signal }) => hold(check, signal),
    });
    return check;
  };
  const taken = ({ host, replaced, part, ...rest }: Settings) => {
    current = new Map(
      host.map((name) => [name, (replaced.includes(name) ? undefined : current.get(name)) ?? make(name)]),
    );
    const checksOf = (names: readonly Name[]) => names.flatMap((name) => current.get(name) ?? []);
    groups = [checksOf(host), checksOf(host.filter((name) => part.includes(name)))];
    deadlinesMs = rest.deadlinesMs;
    return { ...rest, groups };
  };
  const set = setUp({
    ...taken(first),
    clock,
    run: async (check, signal) => {
      const startedAt = now();
      const outcome = await hold(check, signal);
      return { check, startedAt, start: startedAt, durationMs: now() - startedAt, outcome };
    },
  });
  const { monitor } = set;

  const passes = (check: Check, at: number): boolean => {
    const known = results.get(check);
    return known?.ok === true && at <= known.freshUntil;
  };
  const look = async () => {
    await settle();
    for (const one of asked) {
      const waitedMs = clock.awake() - one.askedAt;
      if (!one.verdict) expect(waitedMs).toBeLessThanOrEqual(one.deadlineMs ?? waitedMs);
      if (!one.verdict || one.judged) continue;
      one.judged = true;
      const deciding = one.checks.filter(
        ({ severity, intervalMs }) => intervalMs && (one.isEndpoint || severity === "critical"),
      );
      const { answeredAt = now() } = one;
      const failing = deciding.filter((check) => !passes(check, answeredAt));
      if (one.verdict.healthy) expect(failing.map(({ name }) => name)).toEqual([]);
      // What a round found belongs to its client; that there was a round is known to all.
      const onRequest = one.checks.filter(({ intervalMs }) => !intervalMs);
      if (one.verdict.healthy) for (const check of onRequest) expect(results.get(check)).toBeDefined();
      if (one.checks.length === 0) expect(one.verdict.healthy).toBe(false);
    }
    const wanted = new Set([...current.values(), ...asked.flatMap(({ verdict, checks }) => (verdict ? [] : checks))]);
    const useless = attempts.filter(({ over, check }) => !over && check.intervalMs && !wanted.has(check));
    expect(useless.map(({ check }) => check.name)).toEqual([]);
    const deciding = (groups[0] ?? []).filter(({ severity }) => severity === "critical");
    if (monitor.read()?.healthy) expect(deciding.filter((check) => !passes(check, now()))).toEqual([]);
  };
  const end = (attempt: Attempt, ok: boolean) => {
    const { check, startedAt } = attempt;
    attempt.end(ok ? UP : DOWN);
    const freshUntil = check.intervalMs ? Math.min(now(), startedAt + check.timeoutMs) + check.staleAfterMs : Infinity;
    results.set(check, { ok, freshUntil });
  };

  monitor.start();
  for (const it of steps) {
    if (it.do === "ask") {
      const one: Asked = {
        isEndpoint: it.group > 0,
        checks: groups[it.group] ?? [],
        askedAt: clock.awake(),
        deadlineMs: deadlinesMs[it.group],
      };
      asked.push(one);
      void monitor.ask(newClient(), it.group).then((verdict) => {
        one.verdict = verdict;
        one.answeredAt = now();
      });
    } else if (it.do === "change") monitor.reconfigure(taken(it.to));
    else if (it.do === "pass") await clock.pass(it.ms);
    else if (it.do === "suspend") await clock.suspend(it.ms);
    else {
      const open = attempts.filter(({ over }) => !over);
      if (it.do === "endAll") for (const attempt of open) end(attempt, true);
      else {
        const attempt = open[it.which % Math.max(1, open.length)];
        if (attempt) end(attempt, it.ok);
      }
    }
    await look();
  }
  // A request that still waits is answered once all that it waits for has ended.
  for (let turn = 0; turn < 200 && asked.some(({ verdict }) => !verdict); turn++) {
    for (const attempt of attempts) if (!attempt.over) end(attempt, true);
    await look();
    await clock.pass(50);
  }
  expect(asked.filter(({ verdict }) => !verdict)).toEqual([]);
  monitor.abort();
  await settle();
  expect(attempts.filter(({ over }) => !over)).toEqual([]);
  expect(set.faults).toEqual([]);
}

test("no answer is healthy, late or missing that should not be, and no run is left, whatever happens in whatever order", async () => {
  const steps = fc.array(step, { maxLength: 60, size: "max" });
  await fc.assert(fc.asyncProperty(settings, steps, play), { numRuns: 500 });
}, 60_000);
