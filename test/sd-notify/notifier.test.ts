// What systemd receives: a real datagram socket in another process, a fake clock.

import { expect, test } from "bun:test";
import type { CheckState } from "../../src/checks/check.ts";
import type { Log, LogFields } from "../../src/log/log.ts";
import { UNKNOWN } from "../../src/monitor/threshold.ts";
import { Notifier, type NotifierOptions, type NotifierSubject } from "../../src/sd-notify/notifier.ts";
import { fakeClock } from "../monitor/fakes.ts";
import { descriptorsOf } from "../support/processes.ts";
import { startReceiver } from "../support/receiver.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { down, REFUSED, report, up } from "./reports.ts";

const onLinux = test.skipIf(process.platform !== "linux");

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
  const notifier = new Notifier({ socket, watchdogUsec: undefined, watchdogPid: undefined, log, ...given });
  return { notifier, lines };
}

/** A host in service whose configuration was never reloaded. */
const of = (states: NotifierSubject["states"]): NotifierSubject => ({
  verdict: () => undefined,
  states,
  drainState: () => undefined,
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
    notifier.refresh();
    await clock.pass(9999);
    reports = [report("hangs", { intervalMs: 1000 }), up("b"), up("c")]; // which a READY that was sent earlier would not have
    expect((await receiver.received("STATUS=")).text).toBe("STATUS=waiting for the first results");
    await clock.pass(1);
    await receiver.received("READY=1");
    reports = [up("hangs", { intervalMs: 1000 }), up("b")];
    notifier.refresh();
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
  "a reload is reported with its time, its end as ready; neither before the daemon is ready, nor once it stops",
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
      notifier.refresh();
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

onLinux("READY is sent at once where no critical check runs in the background", async () => {
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
      notifier.refresh();
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

onLinux("a result sets a timer only where the status may change with it", async () => {
  await using folder = await tempFolder();
  await using receiver = await startReceiver(`${folder.path}/notify`);
  const { now, after, pass } = fakeClock();
  let timers = 0;
  const clock = {
    now,
    after(ms: number, then: () => void) {
      timers++;
      return after(ms, then);
    },
  };
  const { notifier } = notifierTo(receiver.socket, { clock });
  let reports = [up("a")];
  notifier.begin(of(() => reports));
  const [isUp, isDown] = [up("a").state, down("a", REFUSED).state];
  /** Whether such a result sets one. */
  const sets = async (before: CheckState, after: CheckState): Promise<boolean> => {
    const had = timers;
    notifier.onResult(before, after);
    const has = timers;
    await pass(1000);
    return has > had;
  };
  try {
    expect(await sets(UNKNOWN, isUp)).toBe(true);
    expect(await sets(isUp, isUp)).toBe(false);
    expect(await sets(isUp, isDown)).toBe(true);
    expect(await sets(isDown, isDown)).toBe(true); // its reason may be another
    expect(await sets(isDown, isUp)).toBe(true);
    reports = [{ ...up("a"), stale: true }];
    notifier.refresh();
    await pass(1000);
    reports = [up("a")];
    expect(await sets(isUp, isUp)).toBe(true);
    expect(await sets(isUp, isUp)).toBe(false);
  } finally {
    notifier.close();
  }
});

onLinux("the watchdog is fed at half its period, and only that of this process", async () => {
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

onLinux("a path that cannot be a socket is logged once, and changes nothing else", () => {
  for (const socket of ["vsock:2:1234", "relative", "/", "@", `/${"x".repeat(108)}`]) {
    const { notifier, lines } = notifierTo(socket, { watchdogUsec: "1000", clock: fakeClock() });
    notifier.begin(of(() => []));
    notifier.refresh();
    notifier.stopping("stopping");
    notifier.close();
    expect(lines).toEqual([
      {
        level: "warning",
        message: "systemd notification is not possible",
        fields: {
          cause: `NOTIFY_SOCKET: expected a path or an @name of at most 108 bytes, got ${JSON.stringify(socket)}`,
        },
      },
    ]);
  }
});

onLinux(
  "what was not received is sent again a second later, with the newest status; the socket is closed at the end",
  async () => {
    await using folder = await tempFolder();
    const socket = `${folder.path}/notify`;
    const before = descriptorsOf(process.pid);
    const clock = fakeClock();
    const { notifier, lines } = notifierTo(socket, { clock });
    let reports = [down("a", REFUSED)];
    notifier.begin(of(() => reports));
    reports = [up("a")];
    notifier.refresh();
    await clock.pass(1000);
    const failure = { message: "systemd notification failed; retrying", fields: { cause: `${socket}: ENOENT` } };
    // At the start, a second later, and when the status changed.
    expect(lines).toEqual(["warning", "debug", "debug"].map((level) => ({ level, ...failure })));
    await using receiver = await startReceiver(socket);
    await clock.pass(1000);
    expect((await receiver.received("READY=1")).text).toBe("READY=1\nSTATUS=healthy, 1 of 1 up");
    expect(lines).toHaveLength(3);
    notifier.close();
    await receiver[Symbol.asyncDispose]();
    await until(() => descriptorsOf(process.pid) <= before, 30_000, "the socket to be closed");
  },
);
