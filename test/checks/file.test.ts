// A file check passes when the file exists, is new enough and contains what is expected; with `absent`, when it does not
// exist. No type of file makes the daemon wait.

import { expect, test } from "bun:test";
import { chmod, mkdir, open, rm, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { age, file } from "../../src/checks/file.ts";
import { checkOf, outcomeOf } from "../support/checks.ts";
import { asRoot } from "../support/needs.ts";
import * as fc from "../support/properties.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const look = (path: string, keys: Readonly<Record<string, unknown>> = {}, timeoutMs = 10_000) =>
  outcomeOf(file, { file: path, ...keys }, { timeoutMs });

const OK = { ok: true, detail: expect.stringMatching(/^last changed [\dhms]+ (ago|in the future)$/) } as const;
const ABSENT = { ok: true } as const;

test("a path that exists is up, whatever it is; with absent it is down", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "");
  const link = join(folder.path, "link");
  await symlink(path, link);
  const fifo = join(folder.path, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  for (const there of [path, link, fifo, folder.path, "/dev/null", "/proc/self/status"]) {
    expect(await look(there)).toEqual(OK);
    expect(await look(there, { absent: true })).toEqual({ ok: false, reason: "missing", message: `${there} exists` });
    expect(await look(there, { absent: false })).toEqual(OK);
  }
});

test("a path that does not exist is down; with absent it is up", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "");
  const dangling = join(folder.path, "dangling");
  await symlink(join(folder.path, "none"), dangling);
  for (const [none, why] of [
    [join(folder.path, "none"), ""],
    [join(folder.path, "no/such/thing"), `: the folder ${join(folder.path, "no")} does not exist`],
    [join(path, "below"), `: ${path} is a regular file, not a folder`],
    [dangling, `: ${dangling} is a symbolic link to ${join(folder.path, "none")}, which does not exist`],
  ] as const) {
    expect(await look(none)).toEqual({ ok: false, reason: "missing", message: `${none} does not exist${why}` });
    expect(await look(none, { "max-age": "1h", expect: "x" })).toMatchObject({ reason: "missing" });
    expect(await look(none, { absent: true })).toEqual(ABSENT);
  }
});

test("a drain file takes effect at the next run", async () => {
  await using folder = await tempFolder();
  const drain = join(folder.path, "drain");
  const run = () => look(drain, { absent: true });
  expect(await run()).toEqual(ABSENT);
  await folder.write("drain", "");
  expect(await run()).toMatchObject({ ok: false });
  await rm(drain);
  expect(await run()).toEqual(ABSENT);
});

test("a file that was changed too long ago is down", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "");
  const changed = async (agoMs: number) => {
    const at = new Date(Date.now() - agoMs);
    await utimes(path, at, at);
  };
  await changed(4 * 60_000);
  expect(await look(path, { "max-age": "5m" })).toEqual(OK);
  await changed(7 * 60_000 + 12_000);
  expect(await look(path, { "max-age": "5m" })).toEqual({
    ok: false,
    reason: "expired",
    message: expect.stringMatching(/^\/.+ was last changed 7m1\ds ago, expected at most 5m$/),
  });
  await changed(8 * 24 * 3_600_000);
  expect(await look(path, { "max-age": "7d" })).toMatchObject({ reason: "expired" });
  expect(await look(path, { "max-age": "9d" })).toEqual(OK);
  await changed(Date.now());
  expect(await look(path, { "max-age": "3650d" })).toMatchObject({ reason: "expired" });
});

test("a file that passes shows its age", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "x");
  const changed = async (agoMs: number) => {
    const at = new Date(Date.now() - agoMs);
    await utimes(path, at, at);
  };
  for (const [agoMs, shown] of [
    [0, /^last changed [01]s ago$/],
    [-4000, /^last changed 0s ago$/],
    [200_500, /^last changed 3m2\ds ago$/],
    [26.5 * 3_600_000, /^last changed 26h30m ago$/],
    [-200_500, /^last changed 3m\d+s in the future$/],
  ] as const) {
    await changed(agoMs);
    for (const keys of [{}, { expect: "x" }]) {
      expect(await look(path, keys)).toEqual({ ok: true, detail: expect.stringMatching(shown) });
    }
  }
});

test("a file some seconds in the future is up, later than that with a warning, and by more than max-age down", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "x");
  const changedIn = async (aheadMs: number) => {
    const at = new Date(Date.now() + aheadMs);
    await utimes(path, at, at);
  };
  // The clock of a file server may be ahead.
  await changedIn(4000);
  expect(await look(path, { "max-age": "1ms" })).toEqual(OK);
  await changedIn(200_500);
  for (const keys of [{ "max-age": "5m" }, { "max-age": "5m", expect: "x" }]) {
    expect(await look(path, keys)).toEqual({
      ok: true,
      warning: expect.stringMatching(/^\/.+ was last changed 3m\d+s in the future; a clock is or was wrong$/),
    });
  }
  expect(await look(path, { "max-age": "3m" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: expect.stringMatching(
      /^\/.+ was last changed 3m\d+s in the future, expected at most 3m ago; a clock is or was wrong$/,
    ),
  });
  await changedIn(366 * 24 * 3_600_000);
  expect(await look(path, { "max-age": "30d" })).toMatchObject({ reason: "mismatch" });
  // Without max-age the time does not matter.
  expect(await look(path)).toEqual(OK);
});

test("the first 64 KiB decide, and are not shown", async () => {
  await using folder = await tempFolder();
  const path = await folder.write("it", "state=ready\npassword=hunter2\n");
  expect(await look(path, { expect: "state=ready" })).toEqual(OK);
  expect(await look(path, { expect: "/^password=.{7}$/m" })).toEqual(OK);
  expect(await look(path, { expect: "state=up" })).toEqual({
    ok: false,
    reason: "mismatch",
    message: `${path} does not match expect`,
  });
  await folder.write("it", `${"x".repeat(65_533)}END`);
  expect(await look(path, { expect: "END" })).toEqual(OK);
  await folder.write("it", `${"x".repeat(65_534)}END`);
  expect(await look(path, { expect: "END" })).toMatchObject({
    message: `${path} does not match expect in its first 65536 bytes`,
  });
  await folder.write("it", "");
  expect(await look(path, { expect: "/^$/" })).toEqual(OK);
  await Bun.write(path, new Uint8Array([0xff, 0xfe, 0x61, 0x00]));
  expect(await look(path, { expect: "a" })).toEqual(OK);
  // Files of the kernel report no size.
  expect(await look("/proc/self/status", { expect: "/^State:/m" })).toEqual(OK);
});

test("only a regular file is opened", async () => {
  await using folder = await tempFolder();
  const fifo = join(folder.path, "fifo");
  Bun.spawnSync(["mkfifo", fifo]);
  for (const [path, type] of [
    [fifo, "FIFO"],
    [folder.path, "directory"],
    ["/dev/zero", "device"],
  ] as const) {
    expect(await look(path, { expect: "x" })).toEqual({
      ok: false,
      reason: "mismatch",
      message: `${path} is a ${type}, expected a regular file`,
    });
  }
});

asRoot(
  "a file that has nothing to read at once is no want of this host; what it had is looked at",
  async () => {
    // The kernel's log: a read at its end fails with EAGAIN.
    await using log = await open("/dev/kmsg", "w");
    const word = crypto.randomUUID();
    await log.write(`health-checker test ${word}\n`);
    expect(await look("/proc/kmsg", { expect: word })).toEqual(OK);
    const nothing = {
      ok: false,
      reason: "unreachable",
      message: "cannot access /proc/kmsg: it has no data to read now (EAGAIN)",
    } as const;
    // Other programs write to it too.
    await until(async () => Bun.deepEquals(await look("/proc/kmsg", { expect: word }), nothing));
  },
  20_000,
);

test("a loop of links and a name that is too long are reported, and do not count as absent", async () => {
  await using folder = await tempFolder();
  const circle = join(folder.path, "circle");
  await symlink(circle, circle);
  const long = `/${"x".repeat(300)}`;
  for (const absent of [true, false]) {
    expect(await look(circle, { absent })).toMatchObject({
      reason: "unreachable",
      message: `cannot access ${circle}: the symbolic link ${circle} leads back to itself (ELOOP)`,
    });
    expect(await look(long, { absent })).toMatchObject({ reason: "unreachable" });
  }
});

asRoot(
  "what this user may not look at is not taken for absent",
  async () => {
    await using folder = await tempFolder();
    const closed = join(folder.path, "closed");
    await mkdir(closed);
    const path = await folder.write("closed/it", "x");
    const unreadable = await folder.write("unreadable", "x", 0o600);
    await chmod(closed, 0o700);
    await chmod(folder.path, 0o755);
    const script = `
      import { file } from ${JSON.stringify(join(import.meta.dir, "../../src/checks/file.ts"))};
      import { outcomeOf } from ${JSON.stringify(join(import.meta.dir, "../support/checks.ts"))};
      // All threads for file systems, including those that start later.
      process.setgid(65534); process.setuid(65534);
      const told = [];
      for (const keys of [{ absent: true }, {}]) told.push(await outcomeOf(file, { file: ${JSON.stringify(path)}, ...keys }));
      told.push(await outcomeOf(file, { file: ${JSON.stringify(unreadable)} }));
      told.push(await outcomeOf(file, { file: ${JSON.stringify(unreadable)}, expect: "x" }));
      console.log(JSON.stringify(told)); process.exit();`;
    const { stdout } = Bun.spawnSync([process.execPath, "-e", script], { stderr: "inherit" });
    const denied = (path: string, why: string) => ({
      ok: false,
      reason: "unreachable",
      message: `cannot access ${path}: this user may not ${why} (EACCES)`,
    });
    const entered = denied(path, `enter ${closed}, which belongs to root (uid 0), mode 0700`);
    const read = denied(unreadable, "read it: it belongs to root (uid 0), mode 0600");
    expect(JSON.parse(stdout.toString())).toEqual([entered, entered, OK, read]);
  },
  20_000,
);

test("a thousand checks at once all get their results", async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 1000 }, () => look("/proc/self/status", { expect: "State" })),
  );
  expect(outcomes.every(({ ok }) => ok)).toBe(true);
});

test("an age may be in days", () => {
  expect(age.read("7d")).toEqual({ value: 7 * 86_400_000 });
  expect(age.read("26h")).toEqual({ value: 26 * 3_600_000 });
  expect(age.read(5)).toEqual({ value: 5000 });
  expect(age.read("3651d")).toEqual({ expected: "at most 3650d" });
  expect(age.read("0d")).toEqual({ expected: "a duration above zero" });
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string(), fc.stringMatching(/^\d{1,9}[dhms]{0,2}$/)), (given) => {
      const read = age.read(given);
      if ("value" in read) expect(read.value > 0 && Number.isSafeInteger(read.value)).toBe(true);
    }),
  );
});

test.each([
  [{ file: "etc/x" }, "begins with a slash"],
  [{ file: "/x", absent: true, expect: "a" }, "expect: expected either absent or expect, got both"],
  [{ file: "/x", absent: true, "max-age": "1m" }, "max-age: expected either absent or max-age, got both"],
  [{ file: "/x", "max-age": "soon" }, "a duration such as 5m, 26h or 7d"],
])("refuses %j", (keys, message) => {
  expect(() => checkOf(file, keys)).toThrow(message);
});
