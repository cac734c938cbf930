// A script is up when it exits 0 in time; else it is down with the reason, what it
// said, and what to do; and none of it goes on.

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runCheck } from "../../src/checks/run.ts";
import { scriptCheck } from "../../src/checks/script.ts";
import { processesRunning } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const { PATH = "/usr/bin:/bin" } = process.env;
const never = new AbortController().signal;
const fixture = (name: string) => join(import.meta.dir, "../fixtures", name);

function check(argv: readonly string[], timeoutMs = 10_000, onOrphan: (check: string) => void = () => {}) {
  const text = argv.join(" ");
  return scriptCheck(`script ${text}`, { text, argv }, timeoutMs, { env: { PATH }, onOrphan });
}

const outcomeOf = async (argv: readonly string[], timeoutMs?: number) =>
  (await runCheck(check(argv, timeoutMs), never)).outcome;

const sh = (script: string) => ["/bin/sh", "-c", script];

/** A word of its own for a command line, so that its processes can be told from all others. */
const mark = () => `300.${Math.floor(Math.random() * 1e9)}`;

test("a check is named after its command", () => {
  expect(check(["/bin/true", "x"], 7)).toMatchObject({
    name: "script /bin/true x",
    kind: "script",
    target: "/bin/true x",
    timeoutMs: 7,
  });
});

test("what exits 0 is up, whatever it says", async () => {
  expect(await outcomeOf(["/bin/true"])).toEqual({ ok: true });
  expect(await outcomeOf(sh("echo failed; echo failed >&2"))).toEqual({ ok: true });
});

test("what exits otherwise is down with its status and what it said", async () => {
  expect(await outcomeOf([fixture("exits-3.sh")])).toEqual({
    ok: false,
    reason: "exit",
    message: "exited with status 3",
    output: "out\nerr",
  });
  expect(await outcomeOf(["/bin/false"])).toEqual({ ok: false, reason: "exit", message: "exited with status 1" });
});

test("what dies by a signal is down and says by which", async () => {
  expect(await outcomeOf([fixture("segfaults.sh")])).toEqual({
    ok: false,
    reason: "signal",
    message: "ended by SIGSEGV",
  });
  expect(await outcomeOf(sh("kill -s KILL $$"))).toEqual({ ok: false, reason: "signal", message: "ended by SIGKILL" });
});

test("what ends and leaves a child that holds its output is up at once, and the child is ended", async () => {
  const seconds = mark();
  const { outcome, durationMs } = await runCheck(check(sh(`sleep ${seconds} & exit 0`)), never);
  expect(outcome).toEqual({ ok: true });
  expect(durationMs).toBeLessThan(5000);
  await until(() => processesRunning(`sleep ${seconds}`).length === 0);
});

test("a process that left its group is told with the name of the check", async () => {
  const told: string[] = [];
  const seconds = mark();
  // The leader waits until its child has left the group.
  const script = `setsid sh -c 'echo >&3; exec sleep ${seconds}' 3>"$0" & read -r _ <"$0"`;
  await using folder = await tempFolder();
  const fifo = join(folder.path, "fifo");
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  const one = check([...sh(script), fifo], 10_000, (name) => told.push(name));
  expect((await runCheck(one, never)).outcome).toEqual({ ok: true });
  await until(() => told.length > 0);
  expect(told).toEqual([one.name]);
  const [orphan] = await until(() =>
    processesRunning(`sleep ${seconds}`).length === 1 ? processesRunning(`sleep ${seconds}`) : undefined,
  );
  if (orphan !== undefined) process.kill(orphan, "SIGKILL");
});

test.each(["hangs.sh", "ignores-sigterm.sh", "forks-many.sh"])(
  "%s is down at its timeout, with what it said",
  async (name) => {
    // Long enough for its first words also on a host that is busy.
    const { outcome, durationMs } = await runCheck(check([fixture(name)], 1000), never);
    expect(outcome).toEqual({
      ok: false,
      reason: "timeout",
      message: "still running; killed with its process group (timeout 1s)",
      output: "begun",
    });
    expect(durationMs).toBeWithin(999, 5000);
    await until(() => processesRunning(`/bin/sh ${fixture(name)}`).length === 0);
  },
);

test("what the round does not wait for any more is killed, and the reason is the deadline", async () => {
  const seconds = mark();
  const round = new AbortController();
  const running = runCheck(check(["sleep", seconds]), round.signal);
  await until(() => processesRunning(`sleep ${seconds}`).length === 1);
  round.abort();
  expect((await running).outcome).toEqual({
    ok: false,
    reason: "deadline",
    message: "still running; killed with its process group (the round ended first)",
  });
  await until(() => processesRunning(`sleep ${seconds}`).length === 0);
});

test("in a round that has ended already nothing is started", async () => {
  const seconds = mark();
  const { outcome } = await runCheck(check(["sleep", seconds]), AbortSignal.abort());
  expect(outcome).toEqual({ ok: false, reason: "deadline", message: "waiting to start (the round ended first)" });
  expect(processesRunning(`sleep ${seconds}`)).toEqual([]);
});

test("what ended while the loop stood still is judged by its end, not by the clock", async () => {
  const running = [
    runCheck(check(["/bin/sleep", "0.05"], 300), never),
    runCheck(check(sh("sleep 0.05; exit 3"), 300), never),
  ];
  // From a timer, so that the timers that are due run before the loop looks at what has arrived.
  setTimeout(() => {
    const end = performance.now() + 1200;
    while (performance.now() < end);
  }, 10);
  const outcomes = (await Promise.all(running)).map(({ outcome }) => outcome);
  expect(outcomes).toEqual([{ ok: true }, { ok: false, reason: "exit", message: "exited with status 3" }]);
});

test("runs of one check may overlap, and a killed one does not keep the next from starting", async () => {
  const one = check(sh("sleep 0.1"));
  const results = await Promise.all(Array.from({ length: 10 }, () => runCheck(one, never)));
  expect(results.every(({ outcome }) => outcome.ok)).toBe(true);
  const slow = check(sh("sleep 300"), 50);
  for (let count = 0; count < 5; count++) {
    const reasons = (await Promise.all([runCheck(slow, never), runCheck(slow, never)])).map(({ outcome }) =>
      outcome.ok ? "ok" : outcome.reason,
    );
    expect(reasons).toEqual(["timeout", "timeout"]);
  }
});

test("a script finds the name of its check, and the environment it was given", async () => {
  const argv = sh('[ "$HEALTH_CHECKER_CHECK" = "the name" ] && [ "$A" = 1 ] && [ -z "$HOME" ]');
  const named = scriptCheck("the name", { text: "a", argv }, 10_000, { env: { PATH, A: "1" }, onOrphan() {} });
  expect((await runCheck(named, never)).outcome).toEqual({ ok: true });
});

describe("what cannot start", () => {
  test("is down with what to do, and the same is told before the first run", async () => {
    await using folder = await tempFolder();
    const plain = await folder.write("plain", "#!/bin/sh\n", 0o644);
    const noLine = await folder.write("no-line", "echo\n", 0o755);
    const windows = await folder.write("windows", "#!/bin/sh\r\n", 0o755);
    const strange = await folder.write("strange", "#!/no/such/sh\n", 0o755);
    const rows = [
      ["/no/such/program", "/no/such/program does not exist"],
      ["no-such-program", "no-such-program: not found in PATH; write the path in full"],
      [folder.path, `${folder.path} is a directory, not a program`],
      [plain, `${plain} is not executable; try chmod +x ${plain}`],
      [noLine, `exec format error: add a first line such as #!/bin/sh to ${noLine}`],
      [strange, `the interpreter /no/such/sh that ${strange} names in its first line does not exist`],
      [
        windows,
        `${windows} has Windows line ends (CRLF), so its interpreter is not found; try sed -i 's/\\r$//' ${windows}`,
      ],
    ] as const;
    for (const [program, message] of rows) {
      expect(await check([program]).inspect?.()).toEqual([message]);
      expect(await outcomeOf([program])).toEqual({ ok: false, reason: "spawn", message });
    }
  });

  test("though nothing is seen to be wrong with it, is down with the code", async () => {
    expect(await outcomeOf(["/bin/true", "x".repeat(3_000_000)])).toEqual({
      ok: false,
      reason: "spawn",
      message: "cannot start /bin/true (E2BIG)",
    });
  });

  test("is not said of what can", async () => {
    expect(await check(["/bin/true"]).inspect?.()).toEqual([]);
    expect(await check(["true"]).inspect?.()).toEqual([]);
  });
});

test("a run is not called stuck for what was killed while it waited for an earlier one to go", async () => {
  const { probe } = check(["/bin/true"]);
  for (let attempt = 0; attempt < 50; attempt++) {
    const [first, second] = [new AbortController(), new AbortController()];
    const killed = [probe(first.signal), probe(second.signal)];
    first.abort();
    const next = probe(never); // waits for the first to be reaped
    second.abort();
    expect(await next).toEqual({ ok: true });
    await Promise.all(killed);
  }
});
