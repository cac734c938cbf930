// One reload at a time, and none that began before its request. A reload that would turn the host unhealthy is refused.

import { expect, test } from "bun:test";
import { loadOptions } from "../../src/config/load.ts";
import type { Plan } from "../../src/daemon/plan.ts";
import { Reloader, type ReloaderOptions } from "../../src/daemon/reload.ts";
import type { TrialReport } from "../../src/daemon/trial.ts";
import { NO_CHANGE } from "../../src/status/status.ts";
import { fakeCheck, fakeClock, settle } from "../monitor/fakes.ts";

const options = await loadOptions({ port: ["1"] });

function setUp(given: Partial<ReloaderOptions> = {}) {
  const reads: ((options: Awaited<ReturnType<ReloaderOptions["loadAgain"]>>) => void)[] = [];
  const events: string[] = [];
  const faults: unknown[] = [];
  const change = {
    kept: 1,
    changed: new Map([[fakeCheck({ name: "changed" }), fakeCheck({ name: "changed" })]]),
    sameProbe: new Set(),
    kindChanged: [fakeCheck({ name: "other kind" })],
    added: [fakeCheck({ name: "new" })],
    removed: [fakeCheck({ name: "old" })],
    options: ["deadline"],
    endpoints: { changed: ["/changed"], added: ["/new"], removed: ["/old"] },
  };
  const reloader = new Reloader({
    loadAgain: () => new Promise((resolve) => reads.push(resolve)),
    createPlan: (options) => ({ options, change }) as unknown as Plan,
    tryOut: async () => HARMLESS,
    apply: () => events.push("apply"),
    needRestart: () => ["a restart is needed"],
    onStart: () => events.push("start"),
    onEnd: ({ taken }) => events.push(taken ? "taken" : "refused"),
    onFault: (error) => faults.push(error),
    ...given,
  });
  return { reloader, reads, events, faults };
}

const HARMLESS: TrialReport = { trial: { changed: new Map(), results: [] }, harm: [], warnings: [] };

const PLAIN = { force: false, dryRun: false };
const AT = { at: expect.any(String), dryRun: false, forcible: false };
const REFUSED = { ...AT, taken: false, warnings: [], trialWarnings: [], ...NO_CHANGE };
const TAKEN = {
  ...AT,
  taken: true,
  problems: [],
  warnings: ["a restart is needed"],
  trialWarnings: [],
  kept: 1,
  changed: ["changed"],
  kindChanged: ["other kind"],
  added: ["new"],
  removed: ["old"],
  options: ["deadline"],
  endpointsChanged: ["/changed"],
  endpointsAdded: ["/new"],
  endpointsRemoved: ["/old"],
};

test("a valid configuration is applied, an invalid one is not, and the last report is kept", async () => {
  const { reloader, reads, events } = setUp();
  expect(reloader.last).toBeUndefined();
  const first = reloader.reload();
  await settle();
  reads[0]?.(options);
  expect(await first).toEqual(TAKEN);
  expect(reloader.last).toEqual(TAKEN);
  const second = reloader.reload();
  await settle();
  reads[1]?.(["a.yaml:1:1: wrong"]);
  expect(await second).toEqual({ ...REFUSED, problems: ["a.yaml:1:1: wrong"] });
  expect(reloader.last?.taken).toBe(false);
  expect(events).toEqual(["start", "apply", "taken", "start", "refused"]);
});

test("reloads that are requested while one is under way share the next", async () => {
  const { reloader, reads } = setUp();
  const first = reloader.reload();
  await settle();
  expect(reads).toHaveLength(1);
  const waiting = [reloader.reload(), reloader.reload(), reloader.reload()];
  await settle();
  expect(reads).toHaveLength(1);
  reads[0]?.(options);
  await first;
  await settle();
  expect(reads).toHaveLength(2);
  reads[1]?.(["wrong"]);
  for (const report of await Promise.all(waiting)) expect(report.taken).toBe(false);
});

test("a fault refuses the reload and is reported, and the next reload works", async () => {
  let broken = true;
  const { reloader, reads, faults } = setUp({
    apply() {
      if (broken) throw new Error("a fault");
    },
  });
  const first = reloader.reload();
  await settle();
  reads[0]?.(options);
  expect(await first).toEqual({
    ...REFUSED,
    problems: ["health-checker: internal error; see the log of the daemon"],
  });
  expect(faults).toEqual([new Error("a fault")]);
  broken = false;
  const second = reloader.reload();
  await settle();
  reads[1]?.(options);
  expect((await second).taken).toBe(true);
});

test("a reload whose file cannot be read is refused after 20 s, and so are others until that read has ended", async () => {
  const clock = fakeClock();
  const { reloader, reads, events } = setUp({ clock });
  const problemsOf = async (reload: Promise<{ problems: readonly string[] }>) => (await reload).problems;
  const first = reloader.reload();
  await settle();
  const second = reloader.reload();
  await clock.pass(19_999);
  expect(reloader.last).toBeUndefined();
  await clock.pass(1);
  expect(await first).toEqual({
    ...REFUSED,
    problems: ["health-checker: cannot read the configuration within 20s; a file system may hang"],
  });
  const still = (age: string) => [
    `health-checker: cannot read the configuration: an earlier reload has been reading it for ${age}`,
  ];
  expect(await problemsOf(second)).toEqual(still("20s"));
  await clock.pass(40_000);
  expect(await problemsOf(reloader.reload())).toEqual(still("1m"));
  expect(reads).toHaveLength(1);
  expect(events).toEqual(["start", "refused", "start", "refused", "start", "refused"]);
  reads[0]?.(options); // too late: it was refused
  await settle();
  expect(events).not.toContain("apply");
  const fresh = reloader.reload();
  await settle();
  reads[1]?.(options);
  expect((await fresh).taken).toBe(true);
});

const HARMFUL: TrialReport = {
  ...HARMLESS,
  harm: [{ cause: "check changed", effect: "the host unhealthy: refused: no listener" }],
  warnings: ["check new fails: exit: 3"],
};

/** A reload that would do harm. */
async function reloadHarmful(request: Partial<typeof PLAIN>) {
  const set = setUp({ loadAgain: async () => options, tryOut: async () => HARMFUL });
  return { ...set, report: await set.reloader.reload({ ...PLAIN, ...request }) };
}

test("a reload that would turn the host unhealthy is refused with its reasons, and applied with force", async () => {
  const refused = await reloadHarmful({});
  expect(refused.report).toEqual({
    ...TAKEN,
    taken: false,
    forcible: true,
    problems: ["health-checker: check changed would turn the host unhealthy: refused: no listener"],
    trialWarnings: ["check new fails: exit: 3"],
  });
  expect(refused.events).toEqual(["start", "refused"]);
  expect(refused.reloader.last).toEqual(refused.report);
  const forced = await reloadHarmful({ force: true });
  expect(forced.report).toEqual({
    ...TAKEN,
    trialWarnings: ["check changed turns the host unhealthy: refused: no listener", "check new fails: exit: 3"],
  });
  expect(forced.events).toEqual(["start", "apply", "taken"]);
});

test("a dry run reports what would happen, changes nothing, and is not the last reload", async () => {
  const refused = await reloadHarmful({ dryRun: true });
  expect(refused.report).toMatchObject({ taken: false, dryRun: true, forcible: true, problems: [expect.any(String)] });
  expect(refused.events).toEqual([]);
  expect(refused.reloader.last).toBeUndefined();
  const forced = await reloadHarmful({ dryRun: true, force: true });
  expect(forced.report).toMatchObject({ taken: false, dryRun: true, problems: [] });
  expect(forced.report.trialWarnings).toContain("check changed would turn the host unhealthy: refused: no listener");
  expect(forced.events).toEqual([]);
});

test("the reload that is under way is known, with its start", async () => {
  const { reloader, reads } = setUp();
  expect(reloader.underWay).toBeUndefined();
  const before = Date.now();
  for (const [index, dryRun] of [false, true].entries()) {
    const reload = reloader.reload({ ...PLAIN, dryRun });
    await settle();
    expect(reloader.underWay).toEqual({ since: expect.any(String), dryRun });
    expect(Date.parse(reloader.underWay?.since ?? "")).toBeGreaterThanOrEqual(before);
    reads[index]?.(options);
    await reload;
    expect(reloader.underWay).toBeUndefined();
  }
});

test("reloads with different flags are not shared", async () => {
  const { reloader, reads } = setUp();
  const reloads = [PLAIN, PLAIN, { ...PLAIN, force: true }, { ...PLAIN, dryRun: true }].map((request) =>
    reloader.reload(request),
  );
  for (let index = 0; index < 3; index++) {
    await settle();
    reads[index]?.(options);
    await settle();
  }
  expect(reads).toHaveLength(3);
  expect((await Promise.all(reloads)).map(({ dryRun }) => dryRun)).toEqual([false, false, false, true]);
});

test("a trial ends when the daemon stops, and its reload is refused", async () => {
  const { reloader, events } = setUp({
    loadAgain: async () => options,
    tryOut: (_, signal) => new Promise((resolve) => signal.addEventListener("abort", () => resolve(HARMLESS))),
  });
  const reload = reloader.reload();
  await settle();
  reloader.stop();
  expect((await reload).problems).toEqual(["health-checker: the daemon is stopping"]);
  expect(events).toEqual(["start", "refused"]);
});

test("once the daemon stops no trial begins, not even for a reload that waits or is being read", async () => {
  let trials = 0;
  const { reloader, reads, events } = setUp({
    async tryOut() {
      trials++;
      return HARMLESS;
    },
  });
  const reloads = [reloader.reload(), reloader.reload({ ...PLAIN, force: true })];
  await settle();
  reloader.stop();
  reads[0]?.(options);
  for (const report of await Promise.all([...reloads, reloader.reload()])) {
    expect(report).toEqual({ ...REFUSED, problems: ["health-checker: the daemon is stopping"] });
  }
  expect(reads).toHaveLength(1);
  expect(trials).toBe(0);
  expect(events).not.toContain("apply");
});
