// One reload at a time, and nobody gets one that began before he asked.

import { expect, test } from "bun:test";
import { loadOptions } from "../src/config/load.ts";
import { createReloader, type ReloaderOptions } from "../src/reload.ts";
import { fakeClock, settle } from "./core/fakes.ts";

const options = await loadOptions({ port: ["1"] });

function setUp(given: Partial<ReloaderOptions> = {}) {
  const reads: ((options: Awaited<ReturnType<ReloaderOptions["reread"]>>) => void)[] = [];
  const events: string[] = [];
  const faults: unknown[] = [];
  const reloader = createReloader({
    reread: () => new Promise((resolve) => reads.push(resolve)),
    apply() {
      events.push("apply");
      return { cautions: ["unwise"], kept: 1, added: 2, removed: 3 };
    },
    onStart: () => events.push("start"),
    onEnd: ({ taken }) => events.push(taken ? "taken" : "refused"),
    onFault: (error) => faults.push(error),
    ...given,
  });
  return { reloader, reads, events, faults };
}

const REFUSED = { at: expect.any(String), taken: false, cautions: [], kept: 0, added: 0, removed: 0 };

test("what is read is applied, what is refused is not, and the last is remembered", async () => {
  const { reloader, reads, events } = setUp();
  expect(reloader.last).toBeUndefined();
  const first = reloader.reload();
  await settle();
  reads[0]?.(options);
  const taken = {
    at: expect.any(String),
    taken: true,
    problems: [],
    cautions: ["unwise"],
    kept: 1,
    added: 2,
    removed: 3,
  };
  expect(await first).toEqual(taken);
  expect(reloader.last).toEqual(taken);
  const second = reloader.reload();
  await settle();
  reads[1]?.(["a.yaml:1:1: wrong"]);
  expect(await second).toEqual({ ...REFUSED, problems: ["a.yaml:1:1: wrong"] });
  expect(reloader.last?.taken).toBe(false);
  expect(events).toEqual(["start", "apply", "taken", "start", "refused"]);
});

test("who asks while one is under way gets the next, together with all who do", async () => {
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

test("a fault is no end of it: it refuses, is told, and the next one works", async () => {
  let broken = true;
  const { reloader, reads, faults } = setUp({
    apply() {
      if (broken) throw new Error("a fault");
      return { cautions: [], kept: 0, added: 0, removed: 0 };
    },
  });
  const first = reloader.reload();
  await settle();
  reads[0]?.(options);
  expect(await first).toEqual({ ...REFUSED, problems: ["health-checker: a fault of its own; its log has it"] });
  expect(faults).toEqual([new Error("a fault")]);
  broken = false;
  const second = reloader.reload();
  await settle();
  reads[1]?.(options);
  expect((await second).taken).toBe(true);
});

test("a reading that hangs is refused after 20 s, and is no reason to begin others; once it has ended all is as before", async () => {
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
    problems: ["health-checker: the configuration could not be read within 20s; does a file system hang?"],
  });
  const still = (age: string) => [`health-checker: a reading that began ${age} ago still hangs, so none is begun`];
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
