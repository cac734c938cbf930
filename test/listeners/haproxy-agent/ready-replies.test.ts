// Who is told `ready`, how often and how long, over restarts too: real files, a fake clock.

import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { createOwed, FILE_NAME, MOST_PEERS } from "../../../src/listeners/haproxy-agent/ready-replies.ts";
import { fakeClock } from "../../monitor/fakes.ts";
import { tempFolder } from "../../support/temp.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

function setting(directory: string | undefined) {
  const clock = fakeClock();
  const lines: string[] = [];
  const say = (message: string) => lines.push(message);
  const log = { error: say, warning: say, info: say };
  return { clock, lines, start: (boot = "one") => createOwed({ directory, log, clock, boot }) };
}

test("nobody who was not told to drain is told ready", () => {
  const owed = setting(undefined).start();
  owed.told(B);
  expect(owed.claim(A)).toBe(false);
  expect(owed.claim(B)).toBe(true);
});

test("ready is repeated for ten times the longest pause between the peer's questions", async () => {
  const { clock, start, lines } = setting(undefined);
  const owed = start();
  // Two server lines of one HAProxy that asks for each every 2 s, half a second apart.
  for (const pauseMs of [0, 500, 1500, 500, 1500]) {
    await clock.pass(pauseMs);
    owed.told(A);
  }
  const heard: number[] = [];
  for (let ms = 0; ms < 60_000; ms += 2000) {
    for (const pauseMs of [500, 1500]) {
      await clock.pass(pauseMs);
      if (owed.claim(A)) heard.push(ms);
    }
  }
  expect(heard.length).toBe(15);
  expect(heard.at(-1)).toBe(14_000);
  expect(lines).toEqual(["HAProxy was told that the host is ready"]);
});

test("a peer that asks seldom is told three times, however long that takes, and one that asks often is told for long enough", async () => {
  const { clock, start } = setting(undefined);
  const owed = start();
  owed.told(A);
  let times = 0;
  for (let turn = 0; turn < 10; turn++) {
    await clock.pass(5 * 60_000);
    if (owed.claim(A)) times++;
  }
  expect(times).toBe(3);
  // Seldom while it was told to drain, often now: the longest pause counts, up to a minute.
  owed.told(A);
  await clock.pass(60 * 60_000);
  times = 0;
  while (owed.claim(A)) {
    times++;
    await clock.pass(1000);
  }
  expect(times).toBe(60);
});

test("a server line that asks every nine seconds, among those of its address that ask often, is told ready", async () => {
  const { clock, start } = setting(undefined);
  const owed = start();
  owed.told(A);
  for (let waitedMs = 0; waitedMs < 9000; waitedMs += 50) {
    await clock.pass(50);
    expect(owed.claim(A)).toBe(true);
  }
});

test("a new drain begins it anew, and its end is owed again", async () => {
  const { clock, start } = setting(undefined);
  const owed = start();
  owed.told(A);
  await clock.pass(1000);
  for (let turn = 0; turn < 9; turn++) {
    expect(owed.claim(A)).toBe(true);
    await clock.pass(1000);
  }
  owed.told(A);
  let times = 0;
  await clock.pass(1000);
  while (owed.claim(A)) {
    times++;
    await clock.pass(1000);
  }
  expect(times).toBe(10);
});

test("a restart of the daemon knows who was told to drain, and forgets who was told ready", async () => {
  await using folder = await tempFolder();
  const { clock, start } = setting(folder.path);
  const first = start();
  first.told(A);
  first.told(B);
  const second = start();
  expect(second.claim("10.0.0.3")).toBe(false);
  while (second.claim(A)) await clock.pass(1000);
  expect(await readdir(folder.path)).toEqual([FILE_NAME]);
  const third = start();
  expect(third.claim(A)).toBe(false);
  while (third.claim(B)) await clock.pass(1000);
  expect(await readdir(folder.path)).toEqual([]);
});

test("a file of another boot, or that makes no sense, counts for nothing", async () => {
  await using folder = await tempFolder();
  const { start, lines } = setting(folder.path);
  start("one").told(A);
  expect(start("two").claim(A)).toBe(false);
  expect(lines).toEqual([]);
  for (const content of [
    "nonsense",
    '{"version":1,"boot":"one","peers":7}',
    '{"version":1,"boot":"one","peers":[7,null]}',
  ])
    await folder.write(FILE_NAME, content).then(() => expect(start().claim(A)).toBe(false));
  expect(lines).toEqual(["it is not known which HAProxy was told to drain"]);
});

test("what cannot be kept is known all the same, and said once", () => {
  const { start, lines } = setting("/nowhere/at/all");
  const owed = start();
  owed.told(A);
  owed.told(B);
  expect(owed.claim(A)).toBe(true);
  expect(lines).toEqual(["a restart of the daemon will not know which HAProxy is drained"]);
});

test("a flood of peers is bounded, and one that goes on asking is not forgotten for it", async () => {
  await using folder = await tempFolder();
  const { start, lines } = setting(folder.path);
  const owed = start();
  for (let peer = 0; peer < MOST_PEERS + 10; peer++) {
    owed.told(`2001:db8::${peer}`);
    owed.told(A);
  }
  expect(owed.claim(A)).toBe(true);
  expect(owed.claim("2001:db8::0")).toBe(false);
  expect(owed.claim(`2001:db8::${MOST_PEERS}`)).toBe(true);
  expect(lines).toEqual(["too many ask the agent; some will not be told ready"]);
  const { peers } = (await Bun.file(join(folder.path, FILE_NAME)).json()) as { peers: readonly string[] };
  expect(peers.length).toBe(MOST_PEERS);
});
