// What systemd is told, by a real datagram socket in another process; and the line that
// `systemctl status` shows.

import { expect, test } from "bun:test";
import type { CheckResult, Severity } from "../../src/checks/check.ts";
import type { Withdrawal } from "../../src/drain/state.ts";
import type { Log, LogFields } from "../../src/log/log.ts";
import type { CheckReport } from "../../src/monitor/monitor.ts";
import type { Outcome } from "../../src/outcome.ts";
import {
  createNotifier,
  type NotifierOptions,
  type NotifierSubject,
  statusLine,
} from "../../src/sd-notify/notifier.ts";
import { fakeCheck, fakeClock } from "../monitor/fakes.ts";
import { descriptorsOf } from "../support/processes.ts";
import { startReceiver } from "../support/receiver.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const onLinux = test.skipIf(process.platform !== "linux");

const TIMEOUT: Outcome = { ok: false, reason: "timeout", message: "nothing came" };
const REFUSED: Outcome = { ok: false, reason: "refused", message: "nobody listens" };

interface Told {
  readonly status?: "up" | "down";
  readonly outcome?: Outcome;
  readonly stale?: boolean;
  readonly severity?: Severity;
  readonly intervalMs?: number;
}

function report(name: string, { status, outcome = { ok: true }, stale = false, ...given }: Told = {}): CheckReport {
  const check = fakeCheck({ name, timeoutMs: 2000, ...given });
  const last: CheckResult = { check, startedAt: 0, start: 0, durationMs: 1, outcome };
  const state = status ? { status, streak: 1, since: 0, last } : { status: "unknown" as const, streak: 0, since: 0 };
  return { check, state, stale };
}

const up = (name: string, told: Told = {}) => report(name, { status: "up", ...told });
const down = (name: string, outcome: Outcome, told: Told = {}) => report(name, { status: "down", outcome, ...told });

test("the status line has the verdict, and who is to blame", () => {
  const rows: readonly (readonly [readonly CheckReport[], string])[] = [
    [[up("a"), up("b")], "healthy, 2 of 2 up"],
    [[up("a"), down("database", TIMEOUT)], "unhealthy: database timeout 2s"],
    [[down("a", REFUSED), up("b"), down("c", TIMEOUT)], "unhealthy: a refused, c timeout 2s"],
    [
      ["a", "b", "c", "d", "e"].map((name) => down(name, REFUSED)),
      "unhealthy: a refused, b refused, c refused and 2 more",
    ],
    [[up("a"), up("b", { stale: true })], "unhealthy: b stale"],
    [[up("a"), down("b", { ok: true })], "unhealthy: b down"],
    [[up("a"), down("shared", REFUSED, { severity: "warning" })], "healthy, 1 of 2 up: shared refused"],
    [[report("a"), up("b")], "1 of 2 up, no result yet: a"],
    [[report("a"), down("b", REFUSED)], "unhealthy: b refused"],
    [[up("a"), report("b", { severity: "warning" })], "healthy, 1 of 2 up"],
    // What only endpoints are decided by is no news of the host, up or down.
    [[up("a"), up("b", { severity: "endpoint" })], "healthy, 1 of 1 up"],
    [
      [up("a"), down("b", REFUSED, { severity: "endpoint" }), up("c", { stale: true, severity: "endpoint" })],
      "healthy, 1 of 1 up",
    ],
    [[report("a"), report("b", { severity: "endpoint" })], "0 of 1 up, no result yet: a"],
    [[down("a", REFUSED), down("b", REFUSED, { severity: "endpoint" })], "unhealthy: a refused"],
    // One failure of three that it takes: still up, as in the verdict.
    [[up("a", { outcome: REFUSED })], "healthy, 1 of 1 up"],
  ];
  for (const [reports, line] of rows) expect(statusLine(reports)).toBe(line);
});

test("the status line is one line, bounded, whatever checks are called", () => {
  const nasty = `script sh -c 'a\nb\u2028c\u202ed\u001b[31m\0e' ${"😀".repeat(500)}`;
  for (const reports of [1, 4, 100].map((count) => Array.from({ length: count }, () => down(nasty, TIMEOUT)))) {
    const line = statusLine(reports);
    expect(line).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
    expect([...line].length).toBeLessThanOrEqual(300);
    expect(line.isWellFormed()).toBe(true);
    expect(line).toStartWith("unhealthy: script sh -c 'a b c d [31m e' 😀");
  }
});

test("what is above the checks comes first, and what was refused last", () => {
  const reports = [up("a"), up("b")];
  const since = Date.UTC(2026, 0, 31, 12, 0, 1, 999);
  const until = Date.UTC(2026, 0, 31, 12, 30);
  const rows: readonly (readonly [Withdrawal | undefined, boolean, string])[] = [
    [undefined, false, "healthy, 2 of 2 up"],
    [undefined, true, "healthy, 2 of 2 up; the last reload was refused"],
    [
      { stopping: false, drain: { since } },
      false,
      "drained since 2026-01-31T12:00:01Z; by its checks healthy, 2 of 2 up",
    ],
    [
      { stopping: false, drain: { since }, maintenance: { since, until, reason: "disk\nswap" } },
      true,
      "in maintenance until 2026-01-31T12:30:00Z (disk swap); by its checks healthy, 2 of 2 up; the last reload was refused",
    ],
    [{ stopping: true, drain: { since } }, false, "draining before it stops; by its checks healthy, 2 of 2 up"],
  ];
  for (const [withdrawal, refused, line] of rows) expect(statusLine(reports, withdrawal, refused)).toBe(line);
});

interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

function collectingLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) => {
    lines.push({ level, message, fields });
  };
  const log = {
    error: at("error"),
    warning: at("warning"),
    info: at("info"),
    debug: at("debug"),
    verbose: true,
    setLevel() {},
  };
  return { log, lines };
}

function notifierTo(socket: string, given: Partial<NotifierOptions> & Pick<NotifierOptions, "clock">) {
  const { log, lines } = collectingLog();
  const notifier = createNotifier({ socket, watchdogUsec: undefined, watchdogPid: undefined, log, ...given });
  return { notifier, lines };
}

/** A host in service whose configuration was never read again. */
const of = (states: NotifierSubject["states"]): NotifierSubject => ({
  states,
  withdrawal: () => undefined,
  wasRefused: () => false,
});

onLinux("READY waits ten seconds for the first results and no longer, and is sent once", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  const clock = fakeClock();
  const { notifier } = notifierTo(receiver.socket, { clock });
  let reports = [report("hangs", { intervalMs: 1000 }), up("b")];
  notifier.begin(of(() => reports));
  try {
    notifier.look();
    await clock.pass(9999);
    reports = [report("hangs", { intervalMs: 1000 }), up("b"), up("c")]; // what an earlier READY could not have
    expect((await receiver.received("STATUS=")).text).toBe("STATUS=waiting for the first results");
    await clock.pass(1);
    await receiver.received("READY=1");
    reports = [up("hangs", { intervalMs: 1000 }), up("b")];
    notifier.look();
    await clock.pass(1000);
    await receiver.received("STATUS=healthy, 2 of 2 up");
    expect(receiver.notices().map(({ text }) => text)).toEqual([
      "STATUS=waiting for the first results",
      "READY=1\nSTATUS=2 of 3 up, no result yet: hangs",
      "STATUS=healthy, 2 of 2 up",
    ]);
  } finally {
    notifier.close();
  }
});

onLinux(
  "a reload is told with its time, its end as ready, and neither before the daemon is ready nor once it stops",
  async () => {
    await using folder = await tempFolder();
    await using receiver = await startReceiver(`${folder.path}/notify`);
    const clock = fakeClock();
    const { notifier } = notifierTo(receiver.socket, { clock });
    let reports = [report("a", { intervalMs: 1000 })];
    notifier.begin(of(() => reports));
    try {
      notifier.reloading();
      notifier.reloaded();
      await receiver.received("STATUS=waiting");
      reports = [up("a", { intervalMs: 1000 })];
      notifier.look();
      await clock.pass(0);
      await receiver.received("READY=1");
      notifier.reloading();
      notifier.reloaded();
      await receiver.received("READY=1", 10_000, 2);
      notifier.stopping("draining for 30s, then stopping");
      notifier.reloading();
      notifier.reloaded();
      await receiver.received("STOPPING=1");
      const texts = receiver.notices().map(({ text }) => text);
      expect(texts.map((text) => text.replace(/USEC=\d+$/, "USEC=…"))).toEqual([
        "STATUS=waiting for the first results",
        "READY=1\nSTATUS=healthy, 1 of 1 up",
        "RELOADING=1\nMONOTONIC_USEC=…",
        "READY=1\nSTATUS=healthy, 1 of 1 up",
        "STOPPING=1\nSTATUS=draining for 30s, then stopping",
      ]);
      const usec = BigInt(/\d+$/.exec(texts[2] ?? "")?.[0] ?? 0);
      const uptime = BigInt(Math.floor(Number((await Bun.file("/proc/uptime").text()).split(" ")[0]) * 1e6));
      expect(usec).toBeGreaterThan(uptime - 60_000_000n); // seconds since the boot, not since the start of the process
      expect(usec).toBeLessThanOrEqual(uptime + 60_000_000n);
    } finally {
      notifier.close();
    }
  },
);

onLinux("it is ready at once where no critical check runs in the background", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  const { notifier } = notifierTo(receiver.socket, { clock: fakeClock() });
  notifier.begin(of(() => [report("on request"), report("b", { intervalMs: 1000, severity: "warning" })]));
  try {
    await receiver.received("READY=1");
    expect(receiver.notices().map(({ text }) => text)).toEqual([
      "READY=1\nSTATUS=0 of 2 up, no result yet: on request",
    ]);
  } finally {
    notifier.close();
  }
});

onLinux("a status that changes all the time is sent once a second, the last one at the end", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  const clock = fakeClock();
  const { notifier } = notifierTo(receiver.socket, { clock });
  let count = 0;
  notifier.begin(of(() => Array.from({ length: count }, (_, index) => up(`${index}`))));
  try {
    for (count = 1; count <= 25; count++) {
      notifier.look();
      await clock.pass(100);
    }
    count = 25;
    await clock.pass(1000);
    await receiver.received("healthy, 25 of 25 up");
    expect(receiver.notices().map(({ text }) => text)).toEqual([
      "READY=1\nSTATUS=healthy, 0 of 0 up",
      "STATUS=healthy, 10 of 10 up",
      "STATUS=healthy, 20 of 20 up",
      "STATUS=healthy, 25 of 25 up",
    ]);
  } finally {
    notifier.close();
  }
});

onLinux("the watchdog is fed at half its period, for this process alone", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  /** How often in 99 ms. */
  const fed = async (watchdogUsec: string, watchdogPid: string | undefined): Promise<number> => {
    const from = receiver.notices().length;
    const clock = fakeClock();
    const { notifier } = notifierTo(receiver.socket, { watchdogUsec, watchdogPid, clock });
    notifier.begin(of(() => []));
    await clock.pass(99);
    notifier.stopping("stopping");
    notifier.close();
    await receiver.received("STOPPING=1", 10_000, from);
    const sent = receiver.notices().slice(from);
    return sent.filter(({ text }) => text === "WATCHDOG=1").length;
  };
  expect(await fed("40000", `${process.pid}`)).toBe(4);
  expect(await fed("40000", undefined)).toBe(4);
  expect(await fed("40000", `${process.pid + 1}`)).toBe(0);
  for (const usec of ["0", "", "-1", "4e4", "soon"]) expect(await fed(usec, undefined)).toBe(0);
});

onLinux("what cannot be a socket is said once, and changes nothing else", () => {
  for (const socket of ["vsock:2:1234", "relative", "/", "@", `/${"x".repeat(108)}`]) {
    const { notifier, lines } = notifierTo(socket, { watchdogUsec: "1000", clock: fakeClock() });
    notifier.begin(of(() => []));
    notifier.look();
    notifier.stopping("stopping");
    notifier.close();
    expect(lines).toEqual([
      {
        level: "warning",
        message: "systemd cannot be told anything",
        fields: {
          because: `NOTIFY_SOCKET: expected a path or an @name of at most 108 bytes, got ${JSON.stringify(socket)}`,
        },
      },
    ]);
  }
});

onLinux("what was not received is sent again a second later, as it is then; nothing is left open", async () => {
  await using folder = await tempFolder();
  const socket = `${folder.path}/notify`;
  const before = descriptorsOf(process.pid);
  const clock = fakeClock();
  const { notifier, lines } = notifierTo(socket, { clock });
  let reports = [down("a", REFUSED)];
  notifier.begin(of(() => reports));
  reports = [up("a")];
  notifier.look();
  await clock.pass(1000);
  const failure = { message: "systemd was not told, trying again", fields: { because: `${socket}: ENOENT` } };
  // At the start, a second later, and when the status changed.
  expect(lines).toEqual(["warning", "debug", "debug"].map((level) => ({ level, ...failure })));
  await using receiver = await startReceiver(socket);
  await clock.pass(1000);
  expect((await receiver.received("READY=1")).text).toBe("READY=1\nSTATUS=healthy, 1 of 1 up");
  expect(lines).toHaveLength(3);
  notifier.close();
  await receiver[Symbol.asyncDispose]();
  await until(() => descriptorsOf(process.pid) <= before, 30_000, "the socket to be closed");
});
