// A check ends at its timeout, and its result says why, whatever its probe does.

import { afterEach, expect, jest, spyOn, test } from "bun:test";
import { join } from "node:path";
import type { Check, Probe } from "../../src/checks/check.ts";
import { createLimit, runCheck, runWithin } from "../../src/checks/run.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { clock } from "../../src/system/clock.ts";
import { childrenOf, isAlive, statOf } from "../support/processes.ts";
import { arrival, blockUntil, hasPassed, until } from "../support/until.ts";

afterEach(() => void jest.useRealTimers());

const never = new AbortController().signal;

function checkOf(probe: Probe, timeoutMs = 10_000): Check {
  const once = { rise: 1, fall: 1, severity: "critical", staleAfterMs: timeoutMs } as const;
  return { name: "a", kind: "test", target: "a", timeoutMs, ...once, probe };
}

/** A probe that does as it should: it waits for ever, and stops when told. */
const patient: Probe = ({ signal }) =>
  new Promise((resolve) => {
    const stop = () => resolve(failed("timeout", "waited in vain"));
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });

const stubborn: Probe = () => new Promise(() => {});

test.each<Outcome>([
  { ok: true },
  { ok: true, detail: "fine", warning: "but" },
  failed("refused", "nobody there"),
  { ok: false, reason: "exit", message: "exited with status 3", output: "oh" },
])("what the probe says is the outcome: %j", async (outcome) => {
  const check = checkOf(async () => outcome);
  const before = Date.now();
  const bootBefore = clock.now();
  const result = await runCheck(check, never);
  const number = expect.any(Number);
  expect(result).toEqual({ check, startedAt: number, start: number, durationMs: number, outcome });
  expect(result.startedAt).toBeWithin(before, Date.now() + 1);
  expect(result.start).toBeWithin(bootBefore, clock.now() + 0.001);
});

test.each<[string, Probe]>([
  [
    "throws at once",
    () => {
      throw new Error("oh no");
    },
  ],
  ["rejects", () => Promise.reject(new Error("oh no"))],
  [
    "rejects later",
    async () => {
      await new Promise((resolve) => setImmediate(resolve));
      throw new Error("oh no");
    },
  ],
])("a probe that %s is a fault of ours, told with its stack", async (_how, probe) => {
  const { outcome } = await runCheck(checkOf(probe), never);
  expect(outcome).toEqual({
    ok: false,
    reason: "internal",
    message: expect.stringMatching(/oh no[\s\S]*run\.test\.ts/),
  });
});

test("a probe that throws something other than an error is a fault of ours, too", async () => {
  const { outcome } = await runCheck(
    checkOf(() => Promise.reject("words")),
    never,
  );
  expect(outcome).toEqual(failed("internal", "words"));
});

/** Fake time passes, and what the timers that are due have led to has happened. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The result, or undefined while there is none. */
function watch<T>(promise: Promise<T>): () => T | undefined {
  let result: T | undefined;
  void promise.then((value) => {
    result = value;
  });
  return () => result;
}

test("a probe that knows its outcome at once gives a result at once, and makes no timer and no signal", () => {
  jest.useFakeTimers();
  const made = spyOn(globalThis, "AbortController");
  const limit = createLimit(100);
  for (const outcome of [{ ok: true }, failed("refused", "nobody there")] as const) {
    const result = runWithin(
      checkOf(() => outcome),
      limit,
    );
    expect(result).toMatchObject({ outcome, startedAt: limit.startedAt });
  }
  const throws = checkOf(() => {
    throw new Error("oh no");
  });
  expect(runWithin(throws, limit)).toMatchObject({ outcome: { reason: "internal" } });
  expect(made).not.toHaveBeenCalled();
  expect(jest.getTimerCount()).toBe(0);
  made.mockRestore();
});

test("a probe that goes on has its timeout, also where it asks for no signal", async () => {
  jest.useFakeTimers();
  const limit = createLimit(100);
  const running = runWithin(checkOf(stubborn, 100), limit);
  expect(jest.getTimerCount()).toBe(1);
  await pass(100);
  expect(limit.isAborted).toBe(true);
  expect(limit.signal.aborted).toBe(true);
  await pass(40);
  expect(await running).toMatchObject({ outcome: failed("timeout", "the probe did not stop (timeout 100ms)") });
});

test("a limit that is released makes nothing overdue, and leaves no timer", async () => {
  jest.useFakeTimers();
  const limit = createLimit(100);
  const { signal } = limit;
  limit.release();
  expect(jest.getTimerCount()).toBe(0);
  await pass(200);
  expect(signal.aborted).toBe(false);
});

test("the probe is aborted at the timeout, and not before; the message says what it waited for", async () => {
  jest.useFakeTimers();
  const result = watch(runCheck(checkOf(patient, 100), never));
  await pass(99);
  expect(result()).toBeUndefined();
  await pass(1);
  expect(result()).toMatchObject({
    outcome: failed("timeout", "waited in vain (timeout 100ms)"),
    durationMs: 100,
  });
});

test("a probe that does not stop is abandoned 40 ms after the timeout", async () => {
  jest.useFakeTimers();
  const result = watch(runCheck(checkOf(stubborn, 100), never));
  await pass(100);
  await pass(39);
  expect(result()).toBeUndefined();
  await pass(1);
  expect(result()).toMatchObject({
    outcome: failed("timeout", "the probe did not stop (timeout 100ms)"),
    durationMs: 140,
  });
});

test("a round that ends early ends the check with the reason deadline", async () => {
  const round = new AbortController();
  const running = runCheck(checkOf(patient), round.signal);
  round.abort();
  expect((await running).outcome).toEqual(failed("deadline", "waited in vain (the deadline came first)"));
});

test("a round that ends early waits for a probe that does not stop no longer than a timeout would", async () => {
  jest.useFakeTimers();
  const round = new AbortController();
  const result = watch(runCheck(checkOf(stubborn), round.signal));
  round.abort();
  await pass(39);
  expect(result()).toBeUndefined();
  await pass(1);
  expect(result()?.outcome).toEqual(failed("deadline", "the probe did not stop (the deadline came first)"));
});

test("in a round that has already ended the signal is aborted from the start", async () => {
  let told: boolean | undefined;
  const probe: Probe = async ({ signal }) => {
    told = signal.aborted;
    return failed("timeout", "not begun");
  };
  const { outcome } = await runCheck(checkOf(probe), AbortSignal.abort());
  expect(told).toBe(true);
  expect(outcome).toEqual(failed("deadline", "not begun (the deadline came first)"));
});

test.each<[string, Outcome]>([
  ["passed", { ok: true }],
  ["failed for a reason of its own", failed("refused", "nobody there")],
])("a probe that was cut but had already %s keeps its outcome", async (_what, outcome) => {
  const probe: Probe = ({ signal }) =>
    new Promise((resolve) => signal.addEventListener("abort", () => resolve(outcome)));
  expect((await runCheck(checkOf(probe, 20), never)).outcome).toEqual(outcome);
});

test("a throw while stopping is a fault of ours", async () => {
  const probe: Probe = ({ signal }) =>
    new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(new Error("oh no"))));
  expect((await runCheck(checkOf(probe, 20), never)).outcome).toMatchObject({ reason: "internal" });
});

// Several times each, since the loop sometimes looks at what has arrived first even so.

test("what arrived while the event loop was blocked is read before a timeout counts", async () => {
  for (let stall = 0; stall < 5; stall++) {
    // The far end is another process, so that its answer arrives while this loop is blocked.
    const child = Bun.spawn(["/bin/sh", "-c", "read line; echo done"], { stdin: "pipe", stdout: "pipe" });
    const reader = child.stdout.getReader();
    const probe: Probe = async ({ signal }) => {
      const cut = new Promise<Outcome>((resolve) =>
        signal.addEventListener("abort", () => resolve(failed("timeout", "no answer seen"))),
      );
      return Promise.race([cut, reader.read().then((): Outcome => ({ ok: true }))]);
    };
    await arrival();
    const running = runCheck(checkOf(probe, 20), never);
    const isDue = hasPassed(20);
    child.stdin.write("go\n");
    child.stdin.flush();
    blockUntil(() => isDue() && !isAlive(child.pid));
    expect((await running).outcome).toEqual({ ok: true });
    await child.exited;
  }
});

test("a script that ended while the event loop was blocked is judged by its exit", async () => {
  for (let stall = 0; stall < 5; stall++) {
    const { promise: ended, resolve: end } = Promise.withResolvers<Outcome>();
    const child = Bun.spawn(["/bin/cat"], { stdin: "pipe", onExit: () => end({ ok: true }) });
    const probe: Probe = ({ signal }) => {
      signal.addEventListener("abort", () => end(failed("timeout", "no end seen")));
      return ended;
    };
    await arrival();
    const running = runCheck(checkOf(probe, 20), never);
    const isDue = hasPassed(20);
    child.kill("SIGKILL");
    blockUntil(() => isDue() && !isAlive(child.pid));
    expect((await running).outcome).toEqual({ ok: true });
  }
});

test("once a check has ended, nothing listens to its round", async () => {
  const round = new AbortController();
  let listening = 0;
  const { addEventListener, removeEventListener } = round.signal;
  round.signal.addEventListener = function (this: AbortSignal, ...args: Parameters<typeof addEventListener>) {
    listening++;
    return addEventListener.apply(this, args);
  } as typeof addEventListener;
  round.signal.removeEventListener = function (this: AbortSignal, ...args: Parameters<typeof removeEventListener>) {
    listening--;
    return removeEventListener.apply(this, args);
  } as typeof removeEventListener;
  await runCheck(
    checkOf(async () => ({ ok: true })),
    round.signal,
  );
  await runCheck(checkOf(patient, 10), round.signal);
  expect(listening).toBe(0);
});

test("a process that was stopped reads what has arrived before a timeout counts, 5 times of 5", async () => {
  const timeoutMs = 50;
  const stop = async () => {
    const child = Bun.spawn([process.execPath, join(import.meta.dir, "../fixtures/stopped.ts"), `${timeoutMs}`], {
      stdout: "pipe",
    });
    await until(() => statOf(child.pid)?.state === "T" && !childrenOf(child.pid).some(isAlive));
    await until(hasPassed(timeoutMs));
    child.kill("SIGCONT");
    expect(await child.stdout.text()).toBe('{"ok":true}\n');
    await child.exited;
  };
  await Promise.all(Array.from({ length: 5 }, stop));
}, 30_000);
