// Which peers get `ready`, how often and how long, over restarts too: real files, a fake clock.

import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { FILE_NAME, MOST_PEERS, ReadyReplies } from "../../../src/listeners/haproxy-agent/ready-replies.ts";
import { fakeClock } from "../../monitor/fakes.ts";
import { tempFolder } from "../../support/temp.ts";

const A = "10.0.0.1";
const B = "10.0.0.2";

function setting(directory: string | undefined) {
  const clock = fakeClock();
  const lines: string[] = [];
  const add = (message: string) => lines.push(message);
  const log = { error: add, warning: add, info: add };
  return { clock, lines, start: (boot = "one") => new ReadyReplies({ directory, log, clock, boot }) };
}

test("a peer that did not get drain does not get ready", () => {
  const replies = setting(undefined).start();
  replies.noteDrain(B);
  expect(replies.shouldSayReady(A)).toBe(false);
  expect(replies.shouldSayReady(B)).toBe(true);
});

test("ready is repeated for ten times the longest pause between two requests of the peer", async () => {
  const { clock, start, lines } = setting(undefined);
  const replies = start();
  // Two server lines of one HAProxy that asks for each every 2 s, half a second apart.
  for (const pauseMs of [0, 500, 1500, 500, 1500]) {
    await clock.pass(pauseMs);
    replies.noteDrain(A);
  }
  const readyAtMs: number[] = [];
  for (let ms = 0; ms < 60_000; ms += 2000) {
    for (const pauseMs of [500, 1500]) {
      await clock.pass(pauseMs);
      if (replies.shouldSayReady(A)) readyAtMs.push(ms);
    }
  }
  expect(readyAtMs.length).toBe(15);
  expect(readyAtMs.at(-1)).toBe(14_000);
  expect(lines).toEqual(["sent ready to HAProxy"]);
});

test("a peer that asks rarely gets ready three times, however long that takes, and one that asks often gets it for long enough", async () => {
  const { clock, start } = setting(undefined);
  const replies = start();
  replies.noteDrain(A);
  let times = 0;
  for (let turn = 0; turn < 10; turn++) {
    await clock.pass(5 * 60_000);
    if (replies.shouldSayReady(A)) times++;
  }
  expect(times).toBe(3);
  // Rarely during the drain, often now: the longest pause counts, up to a minute.
  replies.noteDrain(A);
  await clock.pass(60 * 60_000);
  times = 0;
  while (replies.shouldSayReady(A)) {
    times++;
    await clock.pass(1000);
  }
  expect(times).toBe(60);
});

test("a server line that asks every nine seconds gets ready even if others of its address ask often", async () => {
  const { clock, start } = setting(undefined);
  const replies = start();
  replies.noteDrain(A);
  for (let waitedMs = 0; waitedMs < 9000; waitedMs += 50) {
    await clock.pass(50);
    expect(replies.shouldSayReady(A)).toBe(true);
  }
});

test("a second drain starts the count of ready replies again", async () => {
  const { clock, start } = setting(undefined);
  const replies = start();
  replies.noteDrain(A);
  await clock.pass(1000);
  for (let turn = 0; turn < 9; turn++) {
    expect(replies.shouldSayReady(A)).toBe(true);
    await clock.pass(1000);
  }
  replies.noteDrain(A);
  let times = 0;
  await clock.pass(1000);
  while (replies.shouldSayReady(A)) {
    times++;
    await clock.pass(1000);
  }
  expect(times).toBe(10);
});

test("a restart of the daemon keeps the peers that got drain, without those that got ready", async () => {
  await using folder = await tempFolder();
  const { clock, start } = setting(folder.path);
  const first = start();
  first.noteDrain(A);
  first.noteDrain(B);
  const second = start();
  expect(second.shouldSayReady("10.0.0.3")).toBe(false);
  while (second.shouldSayReady(A)) await clock.pass(1000);
  expect(await readdir(folder.path)).toEqual([FILE_NAME]);
  const third = start();
  expect(third.shouldSayReady(A)).toBe(false);
  while (third.shouldSayReady(B)) await clock.pass(1000);
  expect(await readdir(folder.path)).toEqual([]);
});

test("a file of another boot, or with other content, is not used", async () => {
  await using folder = await tempFolder();
  const { start, lines } = setting(folder.path);
  start("one").noteDrain(A);
  expect(start("two").shouldSayReady(A)).toBe(false);
  expect(lines).toEqual([]);
  for (const content of [
    "nonsense",
    '{"version":1,"boot":"one","peers":7}',
    '{"version":1,"boot":"one","peers":[7,null]}',
  ])
    await folder.write(FILE_NAME, content).then(() => expect(start().shouldSayReady(A)).toBe(false));
  expect(lines).toEqual(["saved HAProxy agent state is unusable; HAProxy may stay drained"]);
});

test("peers that cannot be saved get ready too, and the log says once that they are not saved", () => {
  const { start, lines } = setting("/nowhere/at/all");
  const replies = start();
  replies.noteDrain(A);
  replies.noteDrain(B);
  expect(replies.shouldSayReady(A)).toBe(true);
  expect(lines).toEqual(["HAProxy agent state not saved; after a restart HAProxy may stay drained"]);
});

test("the number of peers is limited, and a peer that still asks is not forgotten", async () => {
  await using folder = await tempFolder();
  const { start, lines } = setting(folder.path);
  const replies = start();
  for (let peer = 0; peer < MOST_PEERS + 10; peer++) {
    replies.noteDrain(`2001:db8::${peer}`);
    replies.noteDrain(A);
  }
  expect(replies.shouldSayReady(A)).toBe(true);
  expect(replies.shouldSayReady("2001:db8::0")).toBe(false);
  expect(replies.shouldSayReady(`2001:db8::${MOST_PEERS}`)).toBe(true);
  expect(lines).toEqual(["too many HAProxy agent clients; some will not be sent ready"]);
  const { peers } = (await Bun.file(join(folder.path, FILE_NAME)).json()) as { peers: readonly string[] };
  expect(peers.length).toBe(MOST_PEERS);
});

test("the health that a peer got before a drain is known after a restart", async () => {
  await using folder = await tempFolder();
  const { start } = setting(folder.path);
  const first = start();
  expect(first.health).toBeUndefined();
  first.health = "up";
  first.noteDrain(A);
  expect(start().health).toBe("up");
  first.shouldSayReady(A);
  first.health = "down";
  first.noteDrain(A);
  const second = start();
  expect(second.health).toBe("down");
  expect(second.shouldSayReady(A)).toBe(true);
  expect(start("another boot").health).toBeUndefined();
});

test("a saved state without a health, and one with another word, are read", async () => {
  await using folder = await tempFolder();
  const { start } = setting(folder.path);
  for (const health of [undefined, "ready up"]) {
    await folder.write(FILE_NAME, JSON.stringify({ version: 1, boot: "one", peers: [A], health }));
    const replies = start();
    expect(replies.health).toBeUndefined();
    expect(replies.shouldSayReady(A)).toBe(true);
  }
});
