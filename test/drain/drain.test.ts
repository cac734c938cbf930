// Drain and maintenance: their changes, over time and over restarts of the daemon. Real files, a fake clock.

import { expect, test } from "bun:test";
import { chmod, chown, mkdir, readdir, readFile, rm, stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type Boot, DrainControl, type DrainOptions, FILE_NAME, OLD_FILE_NAME } from "../../src/drain/drain.ts";
import { LONGEST_REASON } from "../../src/drain/reason.ts";
import type { LogFields } from "../../src/log/log.ts";
import { type FakeClock, fakeClock } from "../monitor/fakes.ts";
import { mountTmpfs, remount } from "../support/mounts.ts";
import { asRoot } from "../support/needs.ts";
import * as fc from "../support/properties.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const DAY = 24 * 60 * MINUTE;

const BOOT: Boot = { id: "one", clockGoesOn: true };
const OTHER_BOOT: Boot = { id: "another", clockGoesOn: true };
const NO_BOOT: Boot = { id: undefined, clockGoesOn: false };

/** Nine in the morning of some day. */
const EPOCH_MS = Date.UTC(2026, 0, 31, 9);

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

interface Host {
  readonly clock: FakeClock;
  readonly lines: Line[];
  /** How often `onChange` was called. */
  changes: number;
  /** Added to the time of day, as if an operator had set it. */
  setMs: number;
  /** The first daemon of this host, or the one after a restart. */
  start(given?: Partial<DrainOptions>): DrainControl;
  logged(): readonly string[];
}

function host(directory: string | undefined): Host {
  const clock = fakeClock();
  const at =
    (level: string) =>
    (message: string, fields: LogFields = {}) => {
      it.lines.push({ level, message, fields });
    };
  const log = { error: at("error"), warning: at("warning"), info: at("info") };
  const it: Host = {
    clock,
    lines: [],
    changes: 0,
    setMs: 0,
    start: (given) =>
      new DrainControl({
        directory,
        log,
        onChange: () => it.changes++,
        clock,
        epochMs: () => EPOCH_MS + it.setMs + clock.now(),
        boot: BOOT,
        ...given,
      }),
    logged: () => it.lines.map(({ level, message }) => `${level}: ${message}`),
  };
  return it;
}

const fileOf = (folder: TempFolder) => join(folder.path, FILE_NAME);

const namesIn = (folder: TempFolder) => readdir(folder.path);

test("a host that was never drained is in service, and nothing is written", async () => {
  await using folder = await tempFolder();
  const { start, lines } = host(folder.path);
  expect(start().current()).toBeUndefined();
  expect(lines).toEqual([]);
  expect(await namesIn(folder)).toEqual([]);
});

test("a drain lasts until undrain; the second keeps the time of the first", async () => {
  await using folder = await tempFolder();
  const { start, clock, logged } = host(folder.path);
  const it = start();
  expect(await it.drain()).toEqual({ saved: true });
  const since = EPOCH_MS + clock.now();
  await clock.pass(30 * DAY);
  expect(await it.drain()).toEqual({ saved: true });
  expect(it.current()).toEqual({ stopping: false, drain: { since } });
  expect(await it.undrain()).toEqual({ saved: true, ended: { drain: { since } } });
  expect(it.current()).toBeUndefined();
  expect(await it.undrain()).toEqual({ saved: true, ended: {} });
  expect(logged().filter((line) => !line.includes("still"))).toEqual(["warning: host is drained", "info: drain ended"]);
});

test("the reason of a drain is in force, saved and logged; a second drain may replace it and keeps the time", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const first = it.start();
  await first.drain("new disk");
  const since = EPOCH_MS + it.clock.now();
  const iso = new Date(since).toISOString();
  await it.clock.pass(MINUTE);
  await first.drain();
  expect(first.current()).toEqual({ stopping: false, drain: { since, reason: "new disk" } });
  await first.drain("new kernel");
  first.close();
  const second = it.start();
  expect(second.current()).toEqual({ stopping: false, drain: { since, reason: "new kernel" } });
  await it.clock.pass(5 * MINUTE);
  expect(await second.undrain()).toMatchObject({ ended: { drain: { since, reason: "new kernel" } } });
  expect(it.lines.map(({ message, fields }) => [message, fields])).toEqual([
    ["host is drained", { reason: "new disk" }],
    ["host is drained", { reason: "new kernel" }],
    ["drain restored after a restart", { since: iso, reason: "new kernel" }],
    ["host is still drained", { since: iso, reason: "new kernel", for: "6m" }],
    ["drain ended", { by: "undrain", for: "6m", reason: "new kernel" }],
  ]);
});

test("maintenance ends by itself, at its end and not before", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const drainControl = it.start();
  expect(await drainControl.maintain(30 * MINUTE, "new disk")).toEqual({ saved: true });
  const since = EPOCH_MS + it.clock.now();
  expect(drainControl.current()).toEqual({
    stopping: false,
    maintenance: { since, until: since + 30 * MINUTE, reason: "new disk" },
  });
  await it.clock.pass(30 * MINUTE - 1);
  expect(drainControl.current()).toBeDefined();
  expect(it.changes).toBe(1);
  await it.clock.pass(1);
  // No call has ended it: the timer did.
  expect(it.changes).toBe(2);
  expect(await namesIn(folder)).toEqual([]);
  expect(drainControl.current()).toBeUndefined();
  expect(it.lines.at(-1)).toEqual({
    level: "info",
    message: "maintenance ended",
    fields: { by: "time", for: "30m", reason: "new disk" },
  });
});

test("maintenance is over at the first call after its end, even if no timer has fired", async () => {
  await using folder = await tempFolder();
  const { start, clock } = host(folder.path);
  const it = start();
  await it.maintain(30 * MINUTE, undefined);
  await clock.suspend(29 * MINUTE);
  expect(it.current()).toBeDefined();
  await clock.suspend(MINUTE); // timers do not count down meanwhile
  expect(it.current()).toBeUndefined();
  expect(await namesIn(folder)).toEqual([]);
});

test("maintenance that is longer than any timer lasts ends in time", async () => {
  await using folder = await tempFolder();
  const { start, clock } = host(folder.path);
  const short = {
    ...clock,
    now: clock.now,
    after: (ms: number, then: () => void) => clock.after(Math.min(ms, DAY), then),
  };
  const it = start({ clock: short });
  // Not at the time of a reminder, which also checks for the end.
  const forMs = 40 * DAY + MINUTE;
  await it.maintain(forMs, undefined);
  await clock.pass(forMs - 1);
  expect(it.current()).toBeDefined();
  await clock.pass(1);
  expect(await namesIn(folder)).toEqual([]);
});

test("a second maintenance replaces the first, drain and maintenance do not end each other, undrain ends both", async () => {
  await using folder = await tempFolder();
  const { start, clock, logged } = host(folder.path);
  const it = start();
  await it.maintain(MINUTE, "first");
  await clock.pass(30 * SECOND);
  await it.maintain(MINUTE, undefined);
  const since = EPOCH_MS + clock.now();
  expect(it.current()).toEqual({ stopping: false, maintenance: { since, until: since + MINUTE } });
  await it.drain();
  await clock.pass(MINUTE);
  expect(it.current()).toEqual({ stopping: false, drain: { since } });
  expect(logged().at(-1)).toBe("warning: maintenance ended; host is still drained");
  await it.maintain(MINUTE, undefined);
  const { ended } = await it.undrain();
  expect(Object.keys(ended).sort()).toEqual(["drain", "maintenance"]);
  expect(it.current()).toBeUndefined();
  await clock.pass(2 * MINUTE);
  expect(logged().slice(-2)).toEqual(["info: maintenance ended", "info: drain ended"]);
});

test("a daemon that stops is drained; undrain does not end that, and it is not saved", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const drainControl = it.start();
  drainControl.stop();
  drainControl.stop();
  expect(it.changes).toBe(1);
  expect(drainControl.current()).toEqual({ stopping: true });
  await drainControl.drain();
  await drainControl.undrain();
  expect(drainControl.current()).toEqual({ stopping: true });
  drainControl.close();
  expect(it.start().current()).toBeUndefined();
});

test("the state is the same object until it changes", async () => {
  const { start } = host(undefined);
  const it = start();
  await it.drain();
  expect(it.current()).toBe(it.current());
});

test("a restart keeps a drain and a maintenance, and the log says so", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const first = it.start();
  await first.drain();
  await first.maintain(60 * MINUTE, "new disk");
  const before = first.current();
  first.close();
  expect((await stat(fileOf(folder))).mode & 0o777).toBe(0o600);
  expect(await namesIn(folder)).toEqual([FILE_NAME]);
  await it.clock.pass(20 * MINUTE);
  it.lines.length = 0;
  const second = it.start();
  expect(second.current()).toEqual(before);
  expect(it.logged()).toEqual([
    "warning: drain restored after a restart",
    "warning: maintenance restored after a restart",
  ]);
  await it.clock.pass(40 * MINUTE);
  expect(Object.keys(second.current() ?? {})).toEqual(["stopping", "drain"]);
  await second.undrain();
  second.close();
  expect(it.start().current()).toBeUndefined();
});

test("a drain in the file of an earlier version is kept over an upgrade, and its file is removed at the next change", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  await folder.write(OLD_FILE_NAME, JSON.stringify(VALID));
  const first = it.start();
  expect(first.current()).toEqual({ stopping: false, drain: { since: EPOCH_MS } });
  expect(it.logged()).toEqual(["warning: drain restored after a restart"]);
  expect(await namesIn(folder)).toEqual([OLD_FILE_NAME]);
  await first.maintain(MINUTE, undefined);
  expect(await namesIn(folder)).toEqual([FILE_NAME]);
  await folder.write(OLD_FILE_NAME, JSON.stringify(VALID));
  await it.start().undrain();
  expect(await namesIn(folder)).toEqual([]);
});

test("a file of this version has precedence over one of an earlier version, and an unusable one is named", async () => {
  await using folder = await tempFolder();
  await folder.write(OLD_FILE_NAME, JSON.stringify({ ...VALID, drain: true }));
  const { start, lines } = host(folder.path);
  expect(start().current()).toBeUndefined();
  expect(lines.at(-1)?.fields).toEqual({
    cause: `${join(folder.path, OLD_FILE_NAME)}: it does not hold a drain state`,
  });
  await folder.write(FILE_NAME, JSON.stringify(VALID));
  expect(start().current()).toBeDefined();
});

test("maintenance that ended while no daemon ran is not in force", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const first = it.start();
  await first.maintain(MINUTE, undefined);
  first.close();
  await it.clock.suspend(MINUTE);
  it.changes = 0;
  const second = it.start();
  expect(it.lines.at(-1)?.message).toBe("maintenance ended");
  expect(it.changes).toBe(0); // the receiver of the change does not exist yet
  expect(second.current()).toBeUndefined();
  expect(await namesIn(folder)).toEqual([]);
});

test("when the time of day is changed a maintenance ends as before; only the shown time of its end changes", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const first = it.start();
  await first.maintain(60 * MINUTE, undefined);
  it.setMs = 3 * DAY;
  expect(first.current()).toBeDefined();
  first.close();
  const second = it.start();
  expect(second.current()?.maintenance?.until).toBe(EPOCH_MS + it.setMs + it.clock.now() + 60 * MINUTE);
  await it.clock.pass(60 * MINUTE - 1);
  expect(second.current()).toBeDefined();
  await it.clock.pass(1);
  expect(second.current()).toBeUndefined();
});

test("the state of another boot is not in force, is logged, and is removed", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  await it.start().drain();
  for (const boot of [OTHER_BOOT, NO_BOOT]) {
    it.lines.length = 0;
    await it.start().drain();
    it.lines.length = 0;
    expect(it.start({ boot }).current()).toBeUndefined();
    expect(it.logged()).toEqual(["warning: saved drain state is from another boot; host is NOT drained"]);
    expect(it.lines[0]?.fields["cause"]).toBe(`${fileOf(folder)}: it is from another boot`);
    expect(await namesIn(folder)).toEqual([]);
  }
});

test("without a boot id the time of day decides after a restart", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const first = it.start({ boot: NO_BOOT });
  await first.maintain(60 * MINUTE, undefined);
  first.close();
  // The clock of such a host counts from the start of the daemon.
  const restarted = fakeClock();
  it.setMs = 59 * MINUTE;
  const second = it.start({ boot: NO_BOOT, clock: restarted });
  expect(second.current()).toBeDefined();
  await restarted.pass(MINUTE + SECOND);
  expect(second.current()).toBeUndefined();
});

const VALID = { version: 1, boot: "one", drain: { since: EPOCH_MS, sinceMs: 1000 } };

test("a valid saved state, which the tests below make invalid, is in force", async () => {
  await using folder = await tempFolder();
  await folder.write(FILE_NAME, JSON.stringify(VALID));
  expect(host(folder.path).start().current()).toEqual({ stopping: false, drain: { since: EPOCH_MS } });
});

const long = JSON.stringify({ ...VALID, more: "x".repeat(300 * 1024) });

for (const [what, content, cause] of [
  ["empty", "", "it is not a JSON object"],
  ["cut", JSON.stringify(VALID).slice(0, -1), "it is not a JSON object"],
  ["no JSON", "drained\n", "it is not a JSON object"],
  ["null", "null", "it is not a JSON object"],
  ["a list", "[]", "it is not a JSON object"],
  ["zero bytes", "\0".repeat(64), "it is not a JSON object"],
  ["oversized", long, "it has more than 256 KiB"],
  ["of a later version", JSON.stringify({ ...VALID, version: 2 }), "expected version 1, got version 2"],
  ["without a version", JSON.stringify({ ...VALID, version: undefined }), "expected version 1, got no version"],
  [
    "drained for a reason that is no text",
    JSON.stringify({ ...VALID, drain: { ...VALID.drain, reason: 7 } }),
    "it does not hold a drain state",
  ],
  ["with a drain that is none", JSON.stringify({ ...VALID, drain: true }), "it does not hold a drain state"],
  ["without its times", JSON.stringify({ ...VALID, drain: {} }), "it does not hold a drain state"],
  ["beyond all times", JSON.stringify({ ...VALID, drain: { since: 9e15 } }), "it does not hold a drain state"],
  [
    "in maintenance for ages",
    JSON.stringify({ ...VALID, maintenance: { since: EPOCH_MS, until: EPOCH_MS, endMs: 1e14 } }),
    "it does not hold a drain state",
  ],
  [
    "with a reason that is no text",
    JSON.stringify({ ...VALID, maintenance: { since: EPOCH_MS, until: EPOCH_MS, endMs: 5000, reason: 7 } }),
    "it does not hold a drain state",
  ],
] as const) {
  test(`a file that is ${what} leaves the host in service with an error in the log, and the next drain replaces it`, async () => {
    await using folder = await tempFolder();
    await folder.write(FILE_NAME, content);
    const { start, lines } = host(folder.path);
    const it = start();
    expect(it.current()).toBeUndefined();
    expect(lines).toEqual([
      {
        level: "error",
        message: "saved drain state is unusable; host is NOT drained",
        fields: { cause: `${fileOf(folder)}: ${cause}` },
      },
    ]);
    expect(await it.drain()).toEqual({ saved: true });
    expect(start().current()).toBeDefined();
  });
}

test("a folder, a link or a pipe in place of the file is not read and not waited for, and the log says so", async () => {
  await using folder = await tempFolder();
  await using elsewhere = await tempFolder();
  const seen: unknown[] = [];
  for (const make of [
    () => mkdir(fileOf(folder)),
    async () => symlink(await elsewhere.write("valid", JSON.stringify(VALID)), fileOf(folder)),
    async () => expect(await Bun.spawn(["mkfifo", fileOf(folder)]).exited).toBe(0),
  ]) {
    await make();
    const { start, lines } = host(folder.path);
    expect(start().current()).toBeUndefined();
    seen.push(lines[0]?.level, lines[0]?.fields["cause"]);
    await Bun.spawn(["rm", "-r", fileOf(folder)]).exited;
  }
  const path = fileOf(folder);
  expect(seen).toEqual([
    "error",
    `${path}: it is not a regular file`,
    "error",
    `${path}: it is a symbolic link`,
    "error",
    `${path}: it is not a regular file`,
  ]);
});

asRoot(
  "a file of another user is not used, one of root is",
  async () => {
    await using folder = await tempFolder();
    await folder.write(FILE_NAME, JSON.stringify(VALID));
    await chown(fileOf(folder), 4242, 4242);
    const { start, lines } = host(folder.path);
    expect(start().current()).toBeUndefined();
    expect(lines[0]?.fields["cause"]).toBe(
      `${fileOf(folder)}: it belongs to user 4242; expected this user (0) or root`,
    );
    await chown(fileOf(folder), 0, 0);
    expect(start().current()).toBeDefined();
  },
  10_000,
);

test("a drain that cannot be saved is in force; its answer and the log say why it is not saved", async () => {
  for (const [directory, cause] of [
    [
      undefined,
      "neither --state-directory nor RUNTIME_DIRECTORY is set (in a systemd unit RuntimeDirectory= sets the latter)",
    ],
    ["/nowhere/at/all", `/nowhere/at/all/${FILE_NAME}: its folder does not exist`],
    ["/proc/self", `/proc/self/${FILE_NAME}: its folder does not exist`],
  ] as const) {
    const { start, lines } = host(directory);
    const it = start();
    expect(await it.drain()).toEqual({ saved: false, cause });
    expect(it.current()?.drain).toBeDefined();
    expect(lines.at(-1)).toEqual({
      level: "warning",
      message: "drain state not saved; a restart will end the drain",
      fields: { cause },
    });
    // After a restart the host is in service.
    expect(await it.undrain()).toMatchObject({ saved: true });
  }
});

test("the end of a maintenance that cannot be saved needs no warning: it is over after a restart as well", async () => {
  await using folder = await tempFolder();
  const it = host(folder.path);
  const drainControl = it.start();
  await drainControl.drain();
  await drainControl.maintain(MINUTE, undefined);
  const saved = await readFile(fileOf(folder), "utf8");
  await rm(folder.path, { recursive: true });
  await it.clock.pass(MINUTE);
  expect(it.logged().at(-1)).toBe("warning: maintenance ended; host is still drained");
  await mkdir(folder.path);
  await folder.write(FILE_NAME, saved);
  expect(Object.keys(it.start().current() ?? {})).toEqual(["stopping", "drain"]);
});

asRoot(
  "no space, and a read-only file system",
  async () => {
    await using small = await mountTmpfs("size=64k");
    const path = join(small.path, FILE_NAME);
    const filler = join(small.path, "filler");
    const it = host(small.path);
    const drainControl = it.start();
    expect(await Bun.spawn(["dd", "if=/dev/zero", `of=${filler}`], { stderr: "ignore" }).exited).toBe(1);
    expect(await drainControl.drain()).toEqual({ saved: false, cause: `${path}: no space is left` });
    expect(await readdir(small.path)).toEqual(["filler"]);
    await rm(filler);
    expect(await drainControl.drain()).toEqual({ saved: true });
    remount(small.path, "remount,ro");
    expect(await drainControl.undrain()).toMatchObject({
      saved: false,
      cause: `${path}: read-only file system`,
      ended: { drain: {} },
    });
    expect(it.logged().at(-1)).toBe("warning: drain state not saved; a restart will restore the drain");
    // As reported: a restart does not know of the undrain.
    expect(it.start().current()).toBeDefined();
    remount(small.path, "remount,rw");
    expect(await drainControl.undrain()).toEqual({ saved: true, ended: {} });
    expect(it.start().current()).toBeUndefined();
  },
  10_000,
);

test("a drain cannot be saved in a folder that this user may not write to", async () => {
  if (process.getuid?.() === 0) return; // nothing is forbidden to root
  await using folder = await tempFolder();
  await chmod(folder.path, 0o500);
  const { start } = host(folder.path);
  expect(await start().drain()).toEqual({ saved: false, cause: `${fileOf(folder)}: permission denied` });
});

test("a drain and a maintenance are logged every five minutes, until they end", async () => {
  const { start, clock, lines, logged } = host(undefined);
  const it = start();
  await it.drain();
  lines.length = 0;
  await clock.pass(5 * MINUTE - 1);
  expect(lines).toEqual([]);
  await clock.pass(1);
  await clock.pass(5 * MINUTE);
  expect(logged()).toEqual(["warning: host is still drained", "warning: host is still drained"]);
  expect(lines.at(-1)?.fields).toEqual({ since: new Date(EPOCH_MS + 1000).toISOString(), for: "10m" });
  await it.undrain();
  await it.maintain(7 * MINUTE, "a \u001b[31mreason\n");
  lines.length = 0;
  await clock.pass(30 * MINUTE);
  expect(logged()).toEqual(["warning: host is still in maintenance", "info: maintenance ended"]);
  expect(lines[0]?.fields).toMatchObject({ reason: "a \u001b[31mreason\n", for: "5m" });
  await it.drain();
  it.close();
  lines.length = 0;
  await clock.pass(30 * MINUTE);
  expect(lines).toEqual([]);
});

test("a long reason is cut, and a duration of zero or less is an error of the caller", async () => {
  const { start } = host(undefined);
  const it = start();
  await it.maintain(MINUTE, "😀".repeat(LONGEST_REASON + 1));
  await it.drain("😀".repeat(LONGEST_REASON + 1));
  expect(it.current()?.drain?.reason).toBe(`${"😀".repeat(LONGEST_REASON)}…`);
  expect(it.current()?.maintenance?.reason).toBe(`${"😀".repeat(LONGEST_REASON)}…`);
  for (const bad of [0, -1, Number.NaN]) expect(it.maintain(bad, undefined)).rejects.toThrow("above zero");
  await it.maintain(Number.POSITIVE_INFINITY, undefined);
  expect(new Date(it.current()?.maintenance?.until ?? 0).getUTCFullYear()).toBe(2027);
});

type Step =
  | { readonly does: "drain" | "undrain" | "restart" | "read" }
  | { readonly does: "maintain" | "pass" | "suspend"; readonly ms: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ does: fc.constantFrom("drain", "undrain", "restart", "read") }),
    fc.record({ does: fc.constantFrom("maintain", "pass", "suspend"), ms: fc.integer({ min: 1, max: 100 * SECOND }) }),
  ),
  { maxLength: 30 },
) as fc.Arbitrary<Step[]>;

test("after any steps in any order, including restarts, the state equals that of a naive model", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (given) => {
      await using folder = await tempFolder();
      const { start, clock } = host(folder.path);
      let it = start();
      let drained = false;
      let endMs = Number.NEGATIVE_INFINITY;
      for (const step of given) {
        if (step.does === "drain") {
          void it.undrain(); // at the same time, and earlier: the last one counts
          await it.drain();
          drained = true;
          endMs = Number.NEGATIVE_INFINITY;
        } else if (step.does === "undrain") {
          void it.drain();
          await it.undrain();
          drained = false;
          endMs = Number.NEGATIVE_INFINITY;
        } else if (step.does === "maintain") {
          await it.maintain(step.ms, undefined);
          endMs = clock.now() + step.ms;
        } else if (step.does === "pass") await clock.pass(step.ms);
        else if (step.does === "suspend") await clock.suspend(step.ms);
        else if (step.does === "restart") {
          it.close();
          it = start();
        }
        const expected = { drain: drained, maintenance: clock.now() < endMs };
        const now = it.current();
        expect({ drain: now?.drain !== undefined, maintenance: now?.maintenance !== undefined }).toEqual(expected);
        expect((await namesIn(folder)).length).toBe(drained || expected.maintenance ? 1 : 0);
      }
      it.close();
    }),
    { numRuns: 60 },
  );
});

test("any bytes in the file leave the host in service or drained, and nothing is thrown", async () => {
  await using folder = await tempFolder();
  const { start } = host(folder.path);
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ unit: "binary" }),
        fc.json(),
        fc
          .record(
            {
              version: fc.constant(1),
              boot: fc.constant("one"),
              drain: fc.oneof(fc.jsonValue(), fc.record({ since: fc.double(), sinceMs: fc.double() })),
              maintenance: fc.oneof(
                fc.jsonValue(),
                fc.record({ since: fc.double(), until: fc.double(), endMs: fc.double(), reason: fc.string() }),
              ),
            },
            { requiredKeys: ["version", "boot"] },
          )
          .map((value) => JSON.stringify(value)),
      ),
      async (content) => {
        await folder.write(FILE_NAME, content);
        const it = start();
        const { maintenance } = it.current() ?? {};
        if (maintenance) new Date(maintenance.until).toISOString();
        it.close();
      },
    ),
    { numRuns: 500 },
  );
});
