// The metrics file is whole and new whenever it is read, and its trouble is nobody else's.

import { expect, test } from "bun:test";
import { mkdir, readdir, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { CHANGES_APART_MS, MetricsFile, REMIND_MS, WRITE_EVERY_MS } from "../../src/daemon/metrics-file.ts";
import { fakeClock } from "../monitor/fakes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

interface SetUp {
  readonly folder?: string;
  readonly render?: () => string | Promise<string>;
}

async function setUp({ folder, render }: SetUp = {}) {
  const temp = await tempFolder();
  const path = join(folder ?? temp.path, "health-checker.prom");
  const clock = fakeClock();
  const logged: string[] = [];
  const write = (message: string, fields: object = {}) =>
    void logged.push([message, ...Object.values(fields)].join(" "));
  let renders = 0;
  const options = { path, clock, log: { info: write, warning: write }, render: render ?? (() => `${++renders}\n`) };
  const file = new MetricsFile(options);
  return {
    path,
    folder: temp.path,
    clock,
    file,
    logged,
    renders: () => renders,
    /** Waits until the file is that of this render. A write that is due now is made. */
    async has(content: number) {
      await until(async () => {
        await clock.pass(0);
        return (await Bun.file(path).text()) === `${content}\n`;
      });
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

test("it is written at start, and every 15 seconds", async () => {
  await using it = await setUp();
  await it.has(1);
  await it.clock.pass(WRITE_EVERY_MS - 1);
  expect(it.renders()).toBe(1);
  await it.clock.pass(1);
  await it.has(2);
  await it.clock.pass(WRITE_EVERY_MS);
  await it.has(3);
});

test("a change of the host's state is written at once, and further ones once a second", async () => {
  await using it = await setUp();
  const { clock, file } = it;
  await it.has(1);
  await clock.pass(5000);
  file.onHostState({ state: "healthy" });
  await clock.pass(0);
  await it.has(2);
  for (const state of ["unhealthy", "healthy", "unhealthy"] as const) file.onHostState({ state });
  await clock.pass(CHANGES_APART_MS - 1);
  expect(it.renders()).toBe(2);
  await clock.pass(1);
  await it.has(3);
  // The same state again is no change, and the next write is 15 s after the last.
  file.onHostState({ state: "unhealthy" });
  await clock.pass(WRITE_EVERY_MS - 1);
  expect(it.renders()).toBe(3);
  await clock.pass(1);
  await it.has(4);
});

test("a change during a write is in the next one", async () => {
  const waiting: ((text: string) => void)[] = [];
  await using it = await setUp({ render: () => new Promise((resolve) => waiting.push(resolve)) });
  it.file.onHostState({ state: "unhealthy" });
  await it.clock.pass(WRITE_EVERY_MS);
  expect(waiting).toHaveLength(1); // one at a time, however long it takes
  waiting[0]?.("1\n");
  await it.has(1);
  await until(async () => {
    await it.clock.pass(0);
    return waiting.length === 2;
  });
  waiting[1]?.("2\n");
  await it.has(2);
});

test("everyone may read it, whatever the umask, and nothing else stays in the folder", async () => {
  const umask = process.umask(0o077);
  try {
    await using it = await setUp();
    await it.has(1);
    expect((await stat(it.path)).mode & 0o777).toBe(0o644);
    expect(await readdir(it.folder)).toEqual(["health-checker.prom"]);
  } finally {
    process.umask(umask);
  }
});

test("a reader sees no part of a file", async () => {
  const long = (digit: string) => digit.repeat(1_000_000);
  let renders = 0;
  await using it = await setUp({ render: () => long(String(++renders % 10)) });
  const seen = new Set<string>();
  for (let count = 0; count < 20; count++) {
    await it.clock.pass(WRITE_EVERY_MS);
    const text = await Bun.file(it.path)
      .text()
      .catch(() => "");
    if (text !== "") seen.add(text);
  }
  await until(() => Bun.file(it.path).exists());
  expect([...seen].filter((text) => text !== long(text[0] ?? ""))).toEqual([]);
});

test("close removes it, and no later write brings it back", async () => {
  const waiting: ((text: string) => void)[] = [];
  await using it = await setUp({ render: () => new Promise((resolve) => waiting.push(resolve)) });
  waiting[0]?.("1\n");
  await it.has(1);
  await it.clock.pass(WRITE_EVERY_MS);
  expect(waiting).toHaveLength(2);
  const closed = it.file.close();
  waiting[1]?.("2\n");
  await closed;
  expect(await readdir(it.folder)).toEqual([]);
  it.file.onHostState({ state: "unhealthy" });
  await it.clock.pass(WRITE_EVERY_MS);
  expect(waiting).toHaveLength(2);
});

test("close does not wait for ever for a write that hangs", async () => {
  const it = await setUp({ render: () => new Promise<string>(() => {}) });
  const closed = it.file.close();
  await it.clock.pass(500);
  await closed;
});

test("a failure is logged once in five minutes, and changes nothing; then it says that it works again", async () => {
  await using parent = await tempFolder();
  const folder = join(parent.path, "textfile");
  await using it = await setUp({ folder });
  const failure = `metrics file cannot be written ${it.path} its folder does not exist`;
  await until(() => it.logged.length === 1);
  const tries = REMIND_MS / WRITE_EVERY_MS;
  for (let count = 1; count <= tries; count++) {
    const before = it.renders();
    await until(async () => {
      await it.clock.pass(it.renders() === before ? WRITE_EVERY_MS / 3 : 0);
      return it.renders() > before;
    });
  }
  await until(() => it.logged.length === 2);
  expect(it.logged).toEqual([failure, failure]);
  await mkdir(folder);
  await it.clock.pass(WRITE_EVERY_MS);
  await until(() => it.logged.length === 3);
  expect(it.logged.at(-1)).toBe(`metrics file is written again ${it.path}`);
  await it.file.close();
  await rmdir(folder);
});

test("a link that is in the way is replaced, not followed", async () => {
  await using it = await setUp();
  await it.has(1);
  const secret = await Bun.write(join(it.folder, "other"), "untouched");
  expect(secret).toBeGreaterThan(0);
  await Bun.$`ln -s ${join(it.folder, "other")} ${join(it.folder, ".health-checker.prom.new")}`.quiet();
  await it.clock.pass(WRITE_EVERY_MS);
  await it.has(2);
  expect(await Bun.file(join(it.folder, "other")).text()).toBe("untouched");
});
