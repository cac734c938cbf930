// On request, too, every request is answered by its deadline, counted from its arrival; its round
// runs on to the end of its checks. A check has its places, whatever group asks for it.

import { describe, expect, test } from "bun:test";
import type { CheckResult, Verdict } from "../../src/checks/check.ts";
import type { MonitorOptions } from "../../src/monitor/monitor.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import * as fc from "../support/properties.ts";
import { settle } from "./fakes.ts";
import { HEALTHY, heldCheck, type Run, setUp as setUpChecks, UP, unhealthy } from "./held-runs.ts";

interface Answer {
  readonly leave: () => void;
  verdict?: Verdict;
}

type Setup = Partial<Pick<MonitorOptions, "singleflight" | "maxRounds" | "deadlinesMs">> & {
  /** Of every group. */
  readonly deadlineMs?: number | "none";
  /** The names of the checks of each group; those in capitals are only reported. */
  readonly groups?: readonly (readonly string[])[];
};

function setUp({ groups = [["it"]], deadlineMs = 4_500, ...given }: Setup = {}) {
  const severityOf = (name: string) => (name === name.toUpperCase() ? "warning" : "critical");
  const checks = new Map(
    groups.flat().map((name) => [name, heldCheck({ name, severity: severityOf(name), timeoutMs: 60_000 })]),
  );
  const told: string[] = [];
  const say = ({ check, outcome }: CheckResult) => `${check.name} ${outcome.ok ? "up" : outcome.reason}`;
  const { monitor, clock, runs, live } = setUpChecks({
    groups: groups.map((names) => names.flatMap((name) => checks.get(name) ?? [])),
    deadlineMs: deadlineMs === "none" ? undefined : deadlineMs,
    onResult: (result) => told.push(say(result)),
    onVerdict: ({ healthy }) => told.push(healthy ? "healthy" : "unhealthy"),
    onGone: (waitedMs, running) => told.push(`gone after ${waitedMs}: ${running.map(({ name }) => name).join()}`),
    onStale: () => told.push("stale"),
    onLate: ({ check }, deadlineMs) => told.push(`${check.name} after the deadline of ${deadlineMs}`),
    onFault: (error) => told.push(String(error)),
    ...given,
  });
  const ask = (group?: number): Answer => {
    const leaver = new AbortController();
    const answer: Answer = { leave: () => leaver.abort() };
    void monitor.ask({ signal: leaver.signal }, group).then((verdict) => {
      answer.verdict = verdict;
    });
    return answer;
  };
  const end = async (name: string, outcome?: Outcome) => {
    const run = live().find((one) => one.name === name);
    if (!run) throw new Error(`${name} does not run`);
    await run.end(outcome);
  };
  return { monitor, clock, runs, live, end, ask, told };
}

describe("at its deadline a request", () => {
  test("is answered that what has not ended has failed, and the round runs on to its results", async () => {
    const { clock, live, end, ask, told } = setUp({ groups: [["a", "b"]] });
    const answer = ask();
    await end("a");
    await clock.pass(4_499);
    expect(answer.verdict).toBeUndefined();
    await clock.pass(1);
    expect(answer.verdict).toEqual(unhealthy("b"));
    expect(live().map(({ name }) => name)).toEqual(["b"]);
    expect(told).toEqual(["a up"]);
    answer.leave();
    await end("b", failed("timeout", "no answer"));
    expect(told).toEqual(["a up", "b timeout", "unhealthy"]);
  });

  test("a check that passes after it is reported: the request got no for it", async () => {
    const { clock, end, ask, told } = setUp({ groups: [["a", "b"]] });
    ask();
    await end("a");
    await clock.pass(4_500);
    await end("b");
    expect(told.splice(0)).toEqual(["a up", "b up", "b after the deadline of 4500", "healthy"]);
    ask();
    await end("a");
    await end("b");
    expect(told).toEqual(["a up", "b up"]);
  });

  test("of one group says nothing of another: a group without one waits for its verdict", async () => {
    const { clock, end, ask } = setUp({ groups: [["a"], ["b"]], deadlinesMs: [4_500, undefined] });
    const [host, endpoint] = [ask(0), ask(1)];
    await clock.pass(4_500);
    expect([host.verdict, endpoint.verdict]).toEqual([unhealthy("a"), undefined]);
    await clock.pass(4_500);
    await end("b");
    expect(endpoint.verdict).toEqual(HEALTHY);
  });

  test("leaves the round to the requests that came later", async () => {
    const { clock, live, end, ask, told } = setUp({ singleflight: true });
    const early = ask();
    await clock.pass(3_000);
    const late = ask();
    await clock.pass(1_500);
    expect(early.verdict).toEqual(unhealthy("it"));
    expect([late.verdict, live().length, told]).toEqual([undefined, 1, []]);
    await end("it");
    expect(late.verdict).toEqual(HEALTHY);
    expect(told).toEqual(["it up", "it after the deadline of 4500", "healthy"]);
  });

  test("has waited as long when it was queued, and a run that never started has no result", async () => {
    const { clock, runs, ask, told, end } = setUp({ maxRounds: 1, singleflight: true, groups: [["a"], ["a"]] });
    const first = ask(0);
    await clock.pass(2_000);
    const joins = ask(0);
    const queued = ask(1);
    await clock.pass(2_500);
    expect([first.verdict, queued.verdict]).toEqual([unhealthy("a"), undefined]);
    await clock.pass(2_000);
    expect([joins.verdict, queued.verdict]).toEqual([unhealthy("a"), unhealthy("a")]);
    await end("a");
    expect(runs).toHaveLength(1);
    expect(told).toEqual(["a up", "a after the deadline of 4500", "healthy"]);
  });

  test("that had to wait for a place gets the newest result that has come since", async () => {
    const { clock, ask, end, live } = setUp({ maxRounds: 1, groups: [["a", "b"]] });
    ask();
    await clock.pass(1_000);
    const queued = ask();
    await end("b");
    await clock.pass(2_990);
    expect(live().map(({ name }) => name)).toEqual(["a", "b"]);
    await end("b");
    await end("a");
    await clock.pass(1_000);
    expect([queued.verdict, live().map(({ name }) => name)]).toEqual([undefined, ["a"]]);
    await clock.pass(510);
    expect(queued.verdict).toEqual(HEALTHY);
  });

  test("gets no result that came before it, and none from others where its own run began at once", async () => {
    const { clock, ask, end } = setUp({ maxRounds: 1 });
    ask();
    await clock.pass(10);
    const queued = ask();
    await clock.pass(10);
    await end("it");
    const late = ask();
    await clock.pass(4_500);
    expect([queued.verdict, late.verdict]).toEqual([HEALTHY, unhealthy("it")]);
    const wide = setUp();
    const [hung, other] = [wide.ask(), wide.ask()];
    await wide.runs[1]?.end();
    await wide.clock.pass(4_500);
    expect([hung.verdict, other.verdict]).toEqual([unhealthy("it"), HEALTHY]);
  });

  test("gets what has arrived by then, also where the loop stood still", async () => {
    const { clock, runs, ask } = setUp();
    const answer = ask();
    await clock.pass(10);
    // It arrives with the turn in which the deadline is seen to have passed.
    setImmediate(() => void runs[0]?.end());
    await clock.stall(60_000);
    expect(answer.verdict).toEqual(HEALTHY);
  });

  test("whose client has disconnected before it leaves the round running, and is reported once", async () => {
    const { clock, live, end, ask, told } = setUp({ groups: [["a", "b"]] });
    const leaver = ask();
    await end("a");
    await clock.pass(1_000);
    leaver.leave();
    await settle();
    await clock.pass(10_000);
    expect(live().map(({ name }) => name)).toEqual(["b"]);
    await end("b");
    expect(told).toEqual(["a up", "gone after 1000: b", "b up", "healthy"]);
  });
});

describe("a check that is down", () => {
  test("decides at once, and the others run on", async () => {
    const { ask, end, told, live } = setUp({ groups: [["a", "b", "c"]] });
    const answer = ask();
    await end("b", failed("refused", "connection refused"));
    expect(answer.verdict).toEqual(unhealthy("b"));
    expect(told).toEqual(["b refused", "unhealthy"]);
    answer.leave();
    expect(live().map(({ name }) => name)).toEqual(["a", "c"]);
    await end("a");
    await end("c", failed("exit", "3"));
    expect(told).toEqual(["b refused", "unhealthy", "a up", "c exit", "unhealthy"]);
  });

  test("decides at once while another has no place, and what has not started for it never does", async () => {
    const { clock, ask, end, runs, live } = setUp({ groups: [["a", "b"]], maxRounds: 1 });
    ask();
    await end("a");
    for (let count = 0; count < 3; count++) {
      const answer = ask();
      await clock.pass(40);
      expect(answer.verdict).toBeUndefined();
      await end("a", failed("refused", "connection refused"));
      expect(answer.verdict).toEqual(unhealthy("a"));
    }
    await end("b");
    await settle();
    expect(live()).toEqual([]);
    expect(runs.filter(({ name }) => name === "b")).toHaveLength(1);
  });

  test("decides at once for the requests that join the round later, with single flight", async () => {
    const { ask, end, runs } = setUp({ groups: [["a", "b"]], singleflight: true });
    ask();
    await end("a", failed("refused", "connection refused"));
    const late = ask();
    await settle();
    expect(late.verdict).toEqual(unhealthy("a"));
    expect(runs).toHaveLength(2);
  });

  test("of severity warning decides an endpoint that names it, and not the host", async () => {
    const { ask, end } = setUp({ groups: [["a", "W"], ["W"]] });
    const [host, endpoint] = [ask(0), ask(1)];
    await end("W", failed("exit", "3"));
    await end("W", failed("exit", "3"));
    expect([host.verdict, endpoint.verdict]).toEqual([undefined, unhealthy("W")]);
    await end("a");
    expect(host.verdict).toEqual(HEALTHY);
  });
});

describe("what is only reported", () => {
  test("is not waited for, but recorded when it has ended", async () => {
    const { clock, end, ask, told, live } = setUp({ groups: [["a", "W"]] });
    const answer = ask();
    await clock.pass(10);
    await end("a");
    expect(answer.verdict).toEqual(HEALTHY);
    answer.leave();
    await clock.pass(10_000);
    expect(live().map(({ name }) => name)).toEqual(["W"]);
    await end("W", failed("exit", "3"));
    expect(told).toEqual(["a up", "healthy", "W exit", "healthy"]);
  });

  test("alone is healthy at once", async () => {
    const { ask, end, told } = setUp({ groups: [["W"]] });
    const answer = ask();
    await settle();
    expect(answer.verdict).toEqual(HEALTHY);
    await end("W", failed("exit", "3"));
    expect(told).toEqual(["W exit", "healthy"]);
  });

  test("runs once at a time, and takes no place and holds up no round", async () => {
    const { ask, end, runs, live } = setUp({ groups: [["a", "W"]], maxRounds: 3 });
    for (let count = 1; count <= 10; count++) {
      const answer = ask();
      await end("a");
      expect(answer.verdict).toEqual(HEALTHY);
    }
    expect(live().map(({ name }) => name)).toEqual(["W"]);
    await end("W");
    ask();
    expect(runs.filter(({ name }) => name === "W")).toHaveLength(2);
  });

  test("is not waited for by a round that shares its flight", async () => {
    const { ask, end, runs } = setUp({ groups: [["a", "W"]], singleflight: true });
    ask();
    await end("a", failed("exit", "3"));
    const late = ask();
    await end("a");
    expect(late.verdict).toEqual(HEALTHY);
    expect(runs.map(({ name }) => name).toSorted()).toEqual(["W", "a", "a"]);
  });
});

describe("groups", () => {
  test("share no round, also with single flight", async () => {
    const { ask, runs, end } = setUp({ groups: [["a", "b"], ["a"]], singleflight: true });
    const [all, part, samePart] = [ask(0), ask(1), ask(1)];
    expect(runs.map(({ name }) => name)).toEqual(["a", "b", "a"]);
    await end("a");
    await end("a");
    expect([all.verdict, part.verdict, samePart.verdict]).toEqual([undefined, HEALTHY, HEALTHY]);
    await end("b", failed("exit", "3"));
    expect(all.verdict).toEqual(unhealthy("b"));
  });

  test("wait for nothing but their own checks", async () => {
    const { clock, ask, live } = setUp({ groups: [["a"], ["b"], ["a", "b"]], maxRounds: 1 });
    for (let count = 0; count < 5; count++) ask(1);
    await clock.pass(1_000);
    ask(0);
    expect(live().map(({ name }) => name)).toEqual(["b", "a"]);
  });

  test("join no round that its clients left before all of its checks had a place", async () => {
    const { clock, ask, live, end } = setUp({
      groups: [["a"], ["a", "b"]],
      maxRounds: 1,
      singleflight: true,
    });
    ask(0);
    await clock.pass(100);
    const left = ask(1);
    await clock.pass(100);
    expect(live().map(({ name }) => name)).toEqual(["a", "b"]);
    left.leave();
    const late = ask(1);
    await clock.pass(100);
    await end("a");
    await end("b");
    await end("a");
    await end("b");
    expect(late.verdict).toEqual(HEALTHY);
  });

  test("share the next run of a check that they wait for", async () => {
    const { clock, ask, runs, end } = setUp({ groups: [["a", "b"], ["a"], ["b"]], maxRounds: 1 });
    ask(1);
    await clock.pass(100);
    const [whole, part] = [ask(0), ask(1)];
    await clock.pass(100);
    expect(runs.map(({ name }) => name)).toEqual(["a", "b"]);
    await end("a");
    expect(runs.map(({ name }) => name)).toEqual(["a", "b", "a"]);
    await end("a");
    await end("b");
    expect([whole.verdict, part.verdict]).toEqual([HEALTHY, HEALTHY]);
  });

  test("tell the host's verdict together, once all of it is known", async () => {
    const { ask, end, told } = setUp({ groups: [["a", "b"], ["a"], ["b"]] });
    ask(1);
    await end("a");
    expect(told).toEqual(["a up"]);
    ask(2);
    await end("b");
    expect(told).toEqual(["a up", "b up", "healthy"]);
    ask(1);
    await end("a", failed("exit", "3"));
    expect(told.slice(3)).toEqual(["a exit", "unhealthy"]);
  });
});

type Step =
  | { readonly do: "ask"; readonly group: number }
  | { readonly do: "end"; readonly pick: number; readonly ok: boolean }
  | { readonly do: "leave"; readonly pick: number }
  | { readonly do: "pass"; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("ask" as const), group: fc.nat(2) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("end" as const), pick: fc.nat(), ok: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("leave" as const), pick: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: fc.nat(3_000) }) },
  ),
  { maxLength: 40 },
);

test("whatever comes: the runs of a check stay bounded, and all requests are answered in time and by no older run", async () => {
  await fc.assert(
    fc.asyncProperty(
      steps as fc.Arbitrary<Step[]>,
      fc.integer({ min: 1, max: 5 }),
      fc.boolean(),
      fc.option(fc.integer({ min: 1, max: 5_000 }), { nil: undefined }),
      async (steps, maxRounds, singleflight, deadlineMs) => {
        const groups = [["a", "b"], ["b"], ["c", "a", "W"]] as const;
        const { clock, ask, live, runs } = setUp({
          groups,
          maxRounds,
          singleflight,
          deadlineMs: deadlineMs ?? "none",
        });
        const limitMs = deadlineMs ?? Number.POSITIVE_INFINITY;
        const asked: {
          readonly at: number;
          readonly group: number;
          readonly answer: Answer;
          left: boolean;
          judged?: true;
        }[] = [];
        const waiting = () => asked.filter(({ answer, left }) => !answer.verdict && !left);
        for (const step of steps) {
          if (step.do === "ask") {
            asked.push({ at: clock.now(), group: step.group, answer: ask(step.group), left: false });
          } else if (step.do === "pass") await clock.pass(step.ms);
          else if (step.do === "end") {
            const outcome = step.ok ? UP : failed("exit", "3");
            await live()[step.pick % Math.max(1, live().length)]?.end(outcome);
          } else {
            const one = waiting()[step.pick % Math.max(1, waiting().length)];
            if (one) one.left = true;
            one?.answer.leave();
          }
          await settle();
          for (const name of ["a", "b", "c", "W"]) {
            expect(live().filter((run) => run.name === name).length).toBeLessThanOrEqual(maxRounds);
          }
          for (const one of asked) {
            if (!one.answer.verdict || one.judged) continue;
            one.judged = true;
            if (!one.answer.verdict.healthy || singleflight) continue;
            // Its runs began after it came; at its deadline, what has passed since it came will do.
            const isLate = clock.now() >= one.at + limitMs;
            const counts = ({ startedAt, passedAt = -1 }: Run) => passedAt >= one.at && (isLate || startedAt >= one.at);
            for (const name of groups[one.group] ?? []) {
              expect(runs.some((run) => run.name === name && counts(run))).toBe(true);
            }
          }
          for (const { at } of waiting()) expect(clock.now() - at).toBeLessThan(limitMs + 1e-3);
          if (step.do === "pass" && step.ms > 50 && waiting().length > 0) expect(live().length).toBeGreaterThan(0);
        }
        if (deadlineMs !== undefined) {
          await clock.pass(limitMs);
          expect(waiting()).toEqual([]);
        }
        do {
          while (live().length > 0) await live()[0]?.end();
          await clock.pass(50); // longer than a burst is waited for
        } while (live().length > 0);
        expect(waiting()).toEqual([]);
        expect(live()).toEqual([]);
      },
    ),
    { numRuns: 500 },
  );
}, 60_000);
