// A script check passes when the script exits with 0 in time; else it fails with the reason, the output, and what to do. No
// process of it is left.

import { afterEach, describe, expect, jest, test } from "bun:test";
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { runCheck } from "../../src/checks/run.ts";
import { script } from "../../src/checks/script.ts";
import { failed, type Outcome } from "../../src/outcome.ts";
import { type CheckOptions, checkOf } from "../support/checks.ts";
import { type Freezer, makeFreezer } from "../support/freezer.ts";
import { asRoot, needs } from "../support/needs.ts";
import { childrenOf, isAlive, processesRunning } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { blockUntil, until } from "../support/until.ts";

afterEach(() => void jest.useRealTimers());

const { PATH = "/usr/bin:/bin" } = process.env;
const never = new AbortController().signal;
const fixture = (name: string) => join(import.meta.dir, "../fixtures", name);

const check = (argv: readonly string[], timeoutMs = 10_000, onOrphan: (check: string) => void = () => {}) =>
  checkWith({ script: argv }, { timeoutMs, onOrphan });

const checkWith = (keys: Readonly<Record<string, unknown>>, options: CheckOptions = {}) =>
  checkOf(script, keys, { env: { PATH }, ...options });

const outcomeOf = async (argv: readonly string[], timeoutMs?: number) =>
  (await runCheck(check(argv, timeoutMs), never)).outcome;

const outcomeWith = async (keys: Readonly<Record<string, unknown>>, options?: CheckOptions) =>
  (await runCheck(checkWith(keys, options), never)).outcome;

const sh = (script: string) => ["/bin/sh", "-c", script];

/** A unique word for a command line, by which the processes of a script are found. */
const mark = () => `300.${Math.floor(Math.random() * 1e9)}`;

test("its target is its command as one types it", () => {
  expect(check(["/bin/true", "x"], 7)).toMatchObject({ kind: "script", target: "/bin/true x", timeoutMs: 7 });
  expect(check(["/bin/echo", "it's", ""])).toMatchObject({ target: "/bin/echo 'it'\\''s' ''" });
  expect(checkWith({ script: "/bin/echo  'a b'" })).toMatchObject({ target: "/bin/echo  'a b'" });
});

test("a script that exits 0 is up, whatever it prints", async () => {
  expect(await outcomeOf(["/bin/true"])).toEqual({ ok: true });
  expect(await outcomeOf(sh("echo failed; echo failed >&2"))).toEqual({ ok: true });
});

test("a script with another exit status is down, with the status and the output", async () => {
  expect(await outcomeOf([fixture("exits-3.sh")])).toEqual({
    ok: false,
    reason: "exit",
    message: "exited with status 3",
    output: "out\nerr",
  });
  expect(await outcomeOf(["/bin/false"])).toEqual({ ok: false, reason: "exit", message: "exited with status 1" });
});

test("CR and CRLF are line ends in its output", async () => {
  const script = "printf 'HTTP/1.1 503 Service Unavailable\\r\\n\\r\\nnot synced\\r\\n\\r\\n50%%\\r'; exit 1";
  const outcome = await outcomeOf(sh(script));
  expect(outcome).toMatchObject({ output: "HTTP/1.1 503 Service Unavailable\n\nnot synced\n\n50%" });
});

test("a script that a signal ends is down, and the message has the signal", async () => {
  expect(await outcomeOf([fixture("segfaults.sh")])).toEqual({
    ok: false,
    reason: "signal",
    message: "ended by SIGSEGV",
  });
  expect(await outcomeOf(sh("kill -s KILL $$"))).toEqual({ ok: false, reason: "signal", message: "ended by SIGKILL" });
});

test("a script that ends and leaves a child with its output is up at once, and the child is ended", async () => {
  const seconds = mark();
  const { outcome } = await runCheck(check(sh(`sleep ${seconds} & exit 0`)), never);
  expect(outcome).toEqual({ ok: true });
  await until(() => processesRunning(`sleep ${seconds}`).length === 0);
});

test("a process that left its group is reported with the name of the check", async () => {
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
  "%s is down at its timeout, with its output",
  async (name) => {
    // Long enough for its first output, even on a busy host.
    const { outcome } = await runCheck(check([fixture(name)], 1000), never);
    expect(outcome).toEqual({
      ok: false,
      reason: "timeout",
      message: "still running; killed with its process group (timeout 1s)",
      output: "begun",
    });
    await until(() => processesRunning(`/bin/sh ${fixture(name)}`).length === 0);
  },
);

test("a script is killed when its round no longer waits for it, and the reason is deadline", async () => {
  const seconds = mark();
  const round = new AbortController();
  const running = runCheck(check(["sleep", seconds]), round.signal);
  await until(() => processesRunning(`sleep ${seconds}`).length === 1);
  round.abort();
  expect((await running).outcome).toEqual({
    ok: false,
    reason: "deadline",
    message: "still running; killed with its process group (the deadline came first)",
  });
  await until(() => processesRunning(`sleep ${seconds}`).length === 0);
});

test("in a round that has already ended nothing is started", async () => {
  const seconds = mark();
  const { outcome } = await runCheck(check(["sleep", seconds]), AbortSignal.abort());
  expect(outcome).toEqual({ ok: false, reason: "deadline", message: "waiting to start (the deadline came first)" });
  expect(processesRunning(`sleep ${seconds}`)).toEqual([]);
});

test("a script that ended before the kill is judged by its exit, though the event loop has not seen it yet", async () => {
  for (const [argv, outcome] of [
    [["/bin/true"], { ok: true }],
    [sh("exit 3"), failed("exit", "exited with status 3")],
  ] as const) {
    const before = childrenOf(process.pid);
    const cut = new AbortController();
    // The event loop continues with arrived data, not with its timers.
    await new Promise((resolve) => setImmediate(resolve));
    const running = check(argv).probe(cut);
    const [pid = 0] = childrenOf(process.pid).filter((child) => !before.includes(child));
    blockUntil(() => !isAlive(pid));
    cut.abort();
    expect(await running).toEqual(outcome);
  }
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

test("a script gets the name of its check, and its environment", async () => {
  const argv = sh('[ "$HEALTH_CHECKER_CHECK" = it ] && [ "$A" = 1 ] && [ -z "$HOME" ]');
  expect(await outcomeWith({ script: argv }, { env: { PATH, A: "1" } })).toEqual({ ok: true });
});

describe("a script that cannot be started", () => {
  test("is down, and the message says what to do, also before the first run", async () => {
    await using folder = await tempFolder();
    const plain = await folder.write("plain", "#!/bin/sh\n", 0o644);
    const noLine = await folder.write("no-line", "echo\n", 0o755);
    const windows = await folder.write("windows", "#!/bin/sh\r\n", 0o755);
    const strange = await folder.write("strange", "#!/no/such/sh\n", 0o755);
    const rows = [
      ["/no/such/program", "/no/such/program does not exist: the folder /no does not exist"],
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

  test("is down with the code if no cause is visible", async () => {
    expect(await outcomeOf(["/bin/true", "x".repeat(3_000_000)])).toEqual({
      ok: false,
      reason: "spawn",
      message: "cannot start /bin/true (E2BIG)",
    });
  });

  test("has no such message if the script can start", async () => {
    expect(await check(["/bin/true"]).inspect?.()).toEqual([]);
    expect(await check(["true"]).inspect?.()).toEqual([]);
  });
});

test("a run is not stuck because of another that was killed while it waited for an earlier one", async () => {
  const { probe } = check(["/bin/true"]);
  for (let attempt = 0; attempt < 50; attempt++) {
    const [first, second] = [new AbortController(), new AbortController()];
    const killed = [probe(first), probe(second)];
    first.abort();
    const next = probe({ signal: never }); // waits for the first to be reaped
    second.abort();
    expect(await next).toEqual({ ok: true });
    await Promise.all(killed);
  }
});

/** Waits in real time while the fake timers stand still. */
async function untilTurn(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** A run that was killed 25 ms ago in fake time, and cannot end before it is thawed. */
async function killedIn(freezer: Freezer) {
  const seconds = mark();
  const { probe } = check(["/bin/sleep", seconds]);
  const cut = new AbortController();
  const killed = probe(cut);
  const running = () => processesRunning(`/bin/sleep ${seconds}`);
  const pid = await until(() => running()[0]);
  await freezer.freeze(pid);
  jest.useFakeTimers();
  cut.abort();
  jest.advanceTimersByTime(25);
  expect(await killed).toMatchObject({ reason: "timeout" });
  return { probe, pid, running };
}

/** Ends the test: the next run starts once the killed one has ended, and is ended too. The output of both is read to the end. */
async function endFakeTime(
  { pid, running }: Awaited<ReturnType<typeof killedIn>>,
  next: Outcome | Promise<Outcome>,
  cut: AbortController,
): Promise<void> {
  await untilTurn(() => running().some((other) => other !== pid));
  cut.abort();
  expect(await next).toMatchObject({ reason: "timeout", message: expect.stringContaining("killed") });
  jest.advanceTimersByTime(1000);
  jest.useRealTimers();
}

asRoot(
  "a run that the kernel does not let go of is stuck after a second, and at once from then on",
  async () => {
    await using freezer = makeFreezer();
    const killed = await killedIn(freezer);
    const { probe, pid } = killed;
    const stuck = failed(
      "stuck",
      `the last run was killed but has not ended (pid ${pid}); the script does not start again before that`,
    );
    const next = probe({ signal: never });
    jest.advanceTimersByTime(975);
    expect(await next).toEqual(stuck);
    const third = probe({ signal: never });
    jest.advanceTimersByTime(0);
    expect(await third).toEqual(stuck);
    freezer.thaw();
    const cut = new AbortController();
    await endFakeTime(killed, probe(cut), cut);
  },
  30_000,
);

asRoot(
  "a run that goes later than most, as on a busy host, is not stuck",
  async () => {
    await using freezer = makeFreezer();
    const killed = await killedIn(freezer);
    const cut = new AbortController();
    const next = killed.probe(cut);
    jest.advanceTimersByTime(974);
    freezer.thaw();
    await endFakeTime(killed, next, cut);
  },
  30_000,
);

test("a run whose time ends while it waits for the last one is not started", async () => {
  const { probe } = check(["/bin/true"]);
  const [cut, round] = [new AbortController(), new AbortController()];
  const killed = probe(cut);
  cut.abort();
  const next = probe(round);
  round.abort();
  expect(await next).toEqual(failed("timeout", "waiting to start"));
  await killed;
});

describe("cwd", () => {
  test("is the folder that it runs in, and where a relative path begins", async () => {
    await using folder = await tempFolder();
    await folder.write("here.sh", '#!/bin/sh\n[ "$(pwd)" = "$1" ]\n', 0o755);
    for (const program of ["./here.sh", join(folder.path, "here.sh")]) {
      const keys = { script: [program, folder.path], cwd: folder.path };
      expect(await checkWith(keys).inspect?.()).toEqual([]);
      expect(await outcomeWith(keys)).toEqual({ ok: true });
    }
  });

  test("is where the folders of PATH begin that have no slash in front", async () => {
    await using folder = await tempFolder();
    await folder.write("only-here", "#!/bin/sh\nexit 0\n", 0o755);
    for (const [path, passes] of [
      [".", true],
      ["/bin:../x/..", false],
      [`../${basename(folder.path)}`, true],
      ["", false],
      [`:${PATH}`, false],
    ] as const) {
      const keys = { script: "only-here", cwd: folder.path, env: { PATH: path } };
      const message = "only-here: not found in PATH; write the path in full";
      expect([path, await checkWith(keys).inspect?.()]).toEqual([path, passes ? [] : [message]]);
      expect([path, await outcomeWith(keys)]).toEqual([
        path,
        passes ? { ok: true } : { ok: false, reason: "spawn", message },
      ]);
    }
  });

  test("that does not exist is distinguished from a missing program", async () => {
    await using folder = await tempFolder();
    const file = await folder.write("file", "");
    const rows = [
      [
        { script: "/bin/true", cwd: "/no/such" },
        "the working folder /no/such does not exist: the folder /no does not exist",
      ],
      [{ script: "/bin/true", cwd: file }, `the working folder ${file} is not a directory`],
      [{ script: "/no/such", cwd: folder.path }, "/no/such does not exist: the folder /no does not exist"],
      [{ script: "./none", cwd: folder.path }, `${folder.path}/none does not exist`],
    ] as const;
    for (const [keys, message] of rows) {
      expect(await checkWith(keys).inspect?.()).toEqual([message]);
      expect(await outcomeWith(keys)).toEqual({ ok: false, reason: "spawn", message });
    }
  });

  test.each(["etc", "./x", ""])("refuses %j", (cwd) => {
    expect(() => checkWith({ script: "/bin/true", cwd })).toThrow("begins with a slash");
  });
});

describe("env", () => {
  test("is added to what it inherits, wins over it, and finds the program", async () => {
    await using folder = await tempFolder();
    await folder.write("only-here", "#!/bin/sh\nexit 7\n", 0o755);
    const script = sh('[ "$A" = "x y" ] && [ "$B" = 2 ] && [ "$C" = kept ]');
    const env = { PATH, A: "old", C: "kept" };
    expect(await outcomeWith({ script, env: { A: "x y", B: 2 } }, { env })).toEqual({ ok: true });
    expect(await outcomeWith({ script: "only-here", env: { PATH: `${folder.path}:${PATH}` } })).toMatchObject({
      reason: "exit",
    });
  });

  test("does not show its values, wherever the script prints them", async () => {
    const keys = { script: [...sh('echo "$1 $TOKEN"; exit 2'), "sh", "hunter22"], env: { TOKEN: "hunter22" } };
    for (const nagios of [false, true]) {
      const one = checkWith({ ...keys, nagios });
      expect(one.target).toEndWith("sh ***");
      const { outcome } = await runCheck(one, never);
      expect(outcome).toMatchObject({ reason: "exit", output: "*** ***" });
      expect(JSON.stringify(outcome)).not.toContain("hunter22");
    }
  });

  test.each([
    [{ "A=secret": "x" }, '"A=…"'],
    [{ "": "x" }, '""'],
    [{ "1A": "x" }, '"1A"'],
    [{ A: true }, "put the value of A in quotes"],
    [{ A: null }, "put the value of A in quotes"],
    [{ A: "secret\0" }, "the value of A contains a zero byte"],
    [{ HEALTH_CHECKER_CHECK: "x" }, "HEALTH_CHECKER_CHECK"],
    [["A=1"], "a mapping of variable names"],
    ["A=1", "a mapping of variable names"],
  ])("refuses %j", (env, flaw) => {
    let message = "";
    try {
      checkWith({ script: "/bin/true", env });
    } catch (error) {
      message = JSON.parse(String((error as Error).message))
        .map(({ params }: { params: object }) => Object.values(params).join())
        .join();
    }
    expect(message).toContain(flaw);
    expect(message).not.toContain("secret");
  });

  test("takes any names that a mapping may have", async () => {
    const env = JSON.parse('{"__proto__": "a", "constructor": "b"}');
    const script = sh('[ "$__proto__" = a ] && [ "$constructor" = b ]');
    expect(await outcomeWith({ script, env })).toEqual({ ok: true });
  });
});

describe("expect", () => {
  test("looks at stdout alone", async () => {
    const said = sh("echo ready; echo steady >&2");
    expect(await outcomeWith({ script: said, expect: "ready" })).toEqual({ ok: true });
    expect(await outcomeWith({ script: said, expect: "/^ready$/m" })).toEqual({ ok: true });
    expect(await outcomeWith({ script: said, expect: "steady" })).toEqual({
      ok: false,
      reason: "mismatch",
      message: "stdout does not match expect",
      output: expect.stringMatching(/^(ready\nsteady|steady\nready)$/),
    });
    expect(await outcomeWith({ script: "/bin/true", expect: "x" })).toEqual({
      ok: false,
      reason: "mismatch",
      message: "stdout does not match expect",
    });
  });

  test("does not make up for a status", async () => {
    expect(await outcomeWith({ script: sh("echo ready; exit 3"), expect: "ready" })).toMatchObject({
      reason: "exit",
      output: "ready",
    });
  });

  test("looks at the first 64 KiB, and a flood of output neither blocks nor takes memory", async () => {
    const last = (bytes: number) => sh(`head -c ${bytes} /dev/zero | tr '\\0' x; echo END`);
    expect(await outcomeWith({ script: last(65_533), expect: "END" })).toEqual({ ok: true });
    expect(await outcomeWith({ script: last(65_536), expect: "END" })).toMatchObject({
      reason: "mismatch",
      message: "stdout does not match expect in its first 65536 of 65540 bytes",
    });
    expect(await outcomeWith({ script: last(30_000_000), expect: "/^x/" })).toEqual({ ok: true });
    const cut = await outcomeWith({ script: [fixture("floods-for-ever.sh")], expect: "END" }, { timeoutMs: 500 });
    expect(cut).toMatchObject({ reason: "timeout" });
  }, 30_000);

  test("counts what a child in the background printed before, and waits for no more", async () => {
    const seconds = mark();
    const one = checkWith({ script: sh(`echo ready; sleep ${seconds} & exit 0`), expect: "ready" });
    expect((await runCheck(one, never)).outcome).toEqual({ ok: true });
    await until(() => processesRunning(`sleep ${seconds}`).length === 0);
  });

  test("reports an orphan that holds both outputs once, and leaves no descriptor", async () => {
    const before = readdirSync("/proc/self/fd").length;
    const told: string[] = [];
    const seconds = mark();
    await using folder = await tempFolder();
    const fifo = join(folder.path, "fifo");
    expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
    const keys = { script: [...sh(`setsid sh -c 'echo >&3; exec sleep ${seconds}' 3>"$0" & read -r _ <"$0"`), fifo] };
    const one = checkWith({ ...keys, nagios: true }, { onOrphan: (name) => told.push(name) });
    expect((await runCheck(one, never)).outcome).toEqual({ ok: true });
    await until(() => told.length > 0 && readdirSync("/proc/self/fd").length <= before);
    expect(told).toEqual(["it"]);
    for (const orphan of processesRunning(`sleep ${seconds}`)) process.kill(orphan, "SIGKILL");
  });
});

describe("nagios", () => {
  const run = (script: string, keys = {}) => outcomeWith({ script: sh(script), nagios: true, ...keys });

  test("reads the status as a plugin gives it", async () => {
    expect(await run("true")).toEqual({ ok: true });
    expect(await run("echo 'LOAD OK - fine|load1=0.1'; echo more")).toEqual({ ok: true, detail: "LOAD OK - fine" });
    expect(await run("echo 'LOAD WARNING - high | load1=9'; exit 1")).toEqual({
      ok: true,
      warning: "LOAD WARNING - high",
    });
    expect(await run("exit 1")).toEqual({ ok: true, warning: "the plugin reports a warning without a message" });
    expect(await run("echo first; echo second; exit 2")).toEqual({
      ok: false,
      reason: "exit",
      message: "critical: first",
      output: "first\nsecond",
    });
    expect(await run("echo of stderr >&2; exit 3")).toEqual({
      ok: false,
      reason: "exit",
      message: "exited with status 3 (unknown)",
      output: "of stderr",
    });
    expect(await run("echo oh; exit 4")).toMatchObject({ reason: "exit", message: "exited with status 4" });
    expect(await run("exit 127")).toMatchObject({ reason: "exit", message: "exited with status 127" });
    expect(await run("kill -s SEGV $$")).toMatchObject({ reason: "signal", message: "ended by SIGSEGV" });
  });

  test("bounds and cleans what it quotes", async () => {
    expect(await run("printf 'a\\033[31mb\\tc\\n'; exit 1")).toEqual({ ok: true, warning: "a [31mb c" });
    expect(await run("head -c 5000 /dev/zero | tr '\\0' x; exit 1")).toEqual({
      ok: true,
      warning: `${"x".repeat(300)}…`,
    });
  });

  test("with expect needs both", async () => {
    expect(await run("echo good; exit 1", { expect: "good" })).toEqual({ ok: true, warning: "good" });
    expect(await run("echo bad; exit 1", { expect: "good" })).toMatchObject({ reason: "mismatch" });
  });

  test("reaches the command as plain text where it is not set", async () => {
    expect(await outcomeWith({ script: sh("exit 1") })).toMatchObject({ reason: "exit" });
  });
});

const withPlugins = await needs("the Nagios plugins");
const PLUGINS = "/usr/lib/nagios/plugins";

withPlugins(
  "real Nagios plugins are read right",
  async () => {
    const plugin = (words: string) => outcomeWith({ script: `${PLUGINS}/${words}`, nagios: true });
    expect(await plugin("check_dummy 0 fine")).toEqual({ ok: true, detail: "OK: fine" });
    expect(await plugin("check_dummy 1 high")).toEqual({ ok: true, warning: "WARNING: high" });
    expect(await plugin("check_dummy 2 down")).toMatchObject({ reason: "exit", message: "critical: CRITICAL: down" });
    expect(await plugin("check_dummy 3 what")).toMatchObject({ reason: "exit", message: "unknown: UNKNOWN: what" });
    expect(await plugin("check_disk -w 1 -c 1 -p /")).toMatchObject({
      ok: true,
      detail: expect.stringMatching(/^DISK OK/),
    });
    expect(await plugin("check_disk -w 100% -c 1 -p /")).toMatchObject({
      ok: true,
      warning: expect.stringMatching(/^DISK WARNING/),
    });
    expect(await plugin("check_disk -c 100% -p /")).toMatchObject({
      ok: false,
      message: expect.stringMatching(/^critical: DISK CRITICAL/),
    });
  },
  30_000,
);
