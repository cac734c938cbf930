// Script checks of the running binary: in time, ended whole, bounded, explained.

import { expect, test } from "bun:test";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { binary } from "../support/binary.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { asRoot } from "../support/needs.ts";
import { childrenOf, descriptorsOf, memoryOf, processesRunning } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** A length of sleep that no other process has, by which a test finds its own; longer than any test waits. */
let sleeps = 0;
const uniqueSleep = (): string => `sleep 600.${process.pid}${++sleeps}`;

const begun = (command: string): Promise<unknown> =>
  until(() => processesRunning(command).length > 0, 10_000, `"${command}" to run`);

const allGone = (command: string): Promise<unknown> =>
  until(() => processesRunning(command).length === 0, 10_000, `every "${command}" to be gone`);

const askTimes = (daemon: Daemon, count: number) => Promise.all(Array.from({ length: count }, () => daemon.ask()));

const HANGS: readonly (readonly [string, (sleep: string) => string])[] = [
  ["whose child sleeps on", (sleep) => `#!/bin/bash\n${sleep}\necho DONE\n`],
  ["that ignores SIGTERM", (sleep) => `#!/bin/bash\ntrap '' TERM HUP INT\n${sleep}\n`],
  ["whose background child holds stdout", (sleep) => `#!/bin/bash\n${sleep} &\n${sleep}\n`],
];

for (const [what, source] of HANGS) {
  test(`a script ${what} is answered at its timeout, alone and twenty at once, and its group is gone`, async () => {
    const sleep = uniqueSleep();
    await using folder = await tempFolder();
    const script = await folder.write("check.sh", source(sleep), 0o755);
    // No deadline answers in place of the timeout.
    const args = ["--script", script, "--script-timeout", "500ms", "--deadline", "10m"];
    await using daemon = await startDaemon(args);
    const before = descriptorsOf(daemon.pid);
    for (const count of [1, 20]) {
      const answers = await askTimes(daemon, count);
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([504]));
      await allGone(sleep);
    }
    await until(() => descriptorsOf(daemon.pid) <= before, 10_000, "its descriptors to be closed");
    expect(childrenOf(daemon.pid)).toEqual([]);
    await daemon.logged(/reason=timeout detail="still running; killed with its process group \(timeout 500ms\)"/);
  }, 30_000);
}

test("a script that leaves a child in the background and exits 0 is up at once, and the child is ended", async () => {
  const sleep = uniqueSleep();
  await using folder = await tempFolder();
  const script = await folder.write("check.sh", `#!/bin/bash\n${sleep} & exit 0\n`, 0o755);
  await using daemon = await startDaemon(["--script", script, "--script-timeout", "10m"]);
  expect((await daemon.ask()).status).toBe(200);
  await allGone(sleep);
});

test("what a script detached is left alone, holds up nothing and is told as an orphan once", async () => {
  const sleep = uniqueSleep();
  await using folder = await tempFolder();
  const script = await folder.write(
    "check.sh",
    `#!/bin/bash\nsetsid bash -c 'touch ${folder.path}/away; exec ${sleep}' &\nuntil [ -e ${folder.path}/away ]; do :; done\n`,
    0o755,
  );
  await using daemon = await startDaemon(["--script", script]);
  const before = descriptorsOf(daemon.pid);
  expect((await daemon.ask()).status).toBe(200);
  const orphan = await daemon.logged("a process left its group and still holds the script's output");
  const log = daemon.log();
  expect(log.indexOf(await daemon.logged("check is up"))).toBeWithin(0, log.indexOf(orphan));
  expect(processesRunning(sleep)).toHaveLength(1);
  await until(() => descriptorsOf(daemon.pid) <= before, 10_000, "the pipe to be closed");
  for (const pid of processesRunning(sleep)) process.kill(pid, "SIGKILL");
});

test("SIGTERM in the middle of it leaves no process and exits 0; a second signal exits 143 at once", async () => {
  const sleep = uniqueSleep();
  await using folder = await tempFolder();
  const script = await folder.write("check.sh", `#!/bin/bash\ntrap '' TERM\n${sleep} &\n${sleep}\n`, 0o755);
  const start = () => startDaemon(["--script", script, "--script-timeout", "60"]);

  await using patient = await start();
  const asked = patient.ask();
  await begun(sleep);
  expect(await patient.stop("SIGTERM")).toBe(0); // after 5 s of grace
  expect((await asked).status).toBe(504);
  await allGone(sleep);

  await using hurried = await start();
  const lost = hurried.ask().catch(() => "lost");
  await begun(sleep);
  process.kill(hurried.pid, "SIGINT");
  await hurried.logged("stopping signal=SIGINT");
  expect(await hurried.stop("SIGTERM")).toBe(143);
  expect(await lost).toBe("lost");
  await allGone(sleep);
}, 30_000);

test("a daemon that was started to ignore hang-ups lives on, as one of log rotation's signals leaves it", async () => {
  const command = ["sh", "-c", 'trap "" HUP; exec "$@"', "-", await binary()];
  await using daemon = await startDaemon(["--script", "true"], { command });
  for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2"] as const) process.kill(daemon.pid, signal);
  for (let asked = 0; asked < 5; asked++) expect((await daemon.ask()).status).toBe(200);
  expect(await daemon.stop("SIGQUIT")).toBe(0);
});

test("a program that is being written is waited for", async () => {
  await using folder = await tempFolder();
  const program = await folder.write("program", "", 0o755);
  copyFileSync("/bin/true", program);
  const writer = openSync(program, "r+");
  const after = `touch ${folder.path}/after`;
  await using daemon = await startDaemon(["--script", program, "--script", after, "--script-timeout", "10m"]);
  const answer = daemon.ask();
  // The checks of a round start in their order.
  await until(() => existsSync(`${folder.path}/after`));
  closeSync(writer);
  expect((await answer).status).toBe(200);
});

test("rounds in flight end and are answered before it stops", async () => {
  await using folder = await tempFolder();
  const fifo = `${folder.path}/fifo`;
  expect(Bun.spawnSync(["mkfifo", fifo]).exitCode).toBe(0);
  await using daemon = await startDaemon(["--script", `cat ${fifo}`, "--script-timeout", "10m"]);
  const asked = daemon.ask();
  await begun(`cat ${fifo}`);
  const exited = daemon.stop("SIGTERM");
  await daemon.logged("stopping signal=SIGTERM");
  expect(processesRunning(`cat ${fifo}`)).toHaveLength(1);
  writeFileSync(fifo, "");
  expect((await asked).status).toBe(200);
  expect(await exited).toBe(0);
});

test("a round runs on when its client has disconnected, and ends with the daemon", async () => {
  const sleep = uniqueSleep();
  await using daemon = await startDaemon(["--script", sleep, "--script-timeout", "60"]);
  const leaving = new AbortController();
  const left = daemon.ask("/", { signal: leaving.signal }).catch(() => "left");
  await begun(sleep);
  leaving.abort();
  expect(await left).toBe("left");
  expect(await daemon.logged("client disconnected before the response")).toContain(`running="script ${sleep}"`);
  expect(processesRunning(sleep)).toHaveLength(1);
  await daemon.stop();
  await allGone(sleep);
});

test("a check that hangs is logged as down by its own timeout, though its client has disconnected", async () => {
  const sleep = uniqueSleep();
  await using daemon = await startDaemon(["--script", sleep, "--script-timeout", "3s"]);
  // Its end comes along with the request.
  const client = connect(daemon.port, "127.0.0.1").on("error", () => {});
  client.end("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const down = await daemon.logged("check is down");
  expect(down).toContain("reason=timeout");
  await daemon.logged("client disconnected before the response");
  expect(await daemon.logged("host is unhealthy")).toContain(`failing="script ${sleep}"`);
  await allGone(sleep);
});

test("300 MB of output cost no memory, and the end of it is kept and counted", async () => {
  await using folder = await tempFolder();
  const script = await folder.write(
    "flood.sh",
    "#!/bin/bash\nhead -c 300000000 /dev/zero\necho; echo the reason is on stderr >&2; exit 3\n",
    0o755,
  );
  await using daemon = await startDaemon(["--script", script, "--script-timeout", "60"]);
  expect((await daemon.ask()).status).toBe(504);
  expect(memoryOf(daemon.pid, "peak")).toBeLessThan(100);
  const line = await daemon.logged("check is down");
  expect(line).toContain("reason=exit");
  expect(line).toContain("the reason is on stderr");
  expect(line).toContain("captured 4096 of 300000025 bytes");
  expect(Buffer.byteLength(line)).toBeLessThan(8 * 1024);
}, 90_000);

test("stdout and stderr are one real pipe, that a script may open by name", async () => {
  await using folder = await tempFolder();
  const script = await folder.write(
    "check.sh",
    "#!/bin/sh\necho out >/dev/stdout && echo err >/dev/stderr && exit 9\n",
    0o755,
  );
  await using daemon = await startDaemon(["--script", script]);
  expect((await daemon.ask()).status).toBe(504);
  expect(await daemon.logged("check is down")).toMatch(/detail="exited with status 9" seconds=\S+ output="out\\nerr"/);
});

test("a program that cannot be started is warned of at start and explained when it fails", async () => {
  await using folder = await tempFolder();
  const rows: readonly (readonly [string, string])[] = [
    [`${folder.path}/missing.sh`, "missing.sh does not exist"],
    [await folder.write("interpreter.sh", "#!/no/such/shell\n", 0o755), "the interpreter /no/such/shell that"],
    [await folder.write("crlf.sh", "#!/bin/sh\r\nexit 0\r\n", 0o755), "has Windows line ends (CRLF)"],
    [await folder.write("plain.sh", "#!/bin/sh\nexit 0\n", 0o644), "is not executable; try chmod +x"],
    [folder.path, "is a directory, not a program"],
    [await folder.write("bare.sh", "exit 0\n", 0o755), "exec format error: add a first line such as #!/bin/sh"],
    ["no-such-command-anywhere", "not found in PATH"],
  ];
  for (const [command, explanation] of rows) {
    await using daemon = await startDaemon(["--script", command]);
    expect(await daemon.logged("check will fail")).toContain(explanation);
    expect((await daemon.ask()).status).toBe(504);
    expect(await daemon.logged(/check is down .* reason=spawn/)).toContain(explanation);
  }
}, 30_000);

test("scripts get the environment without what is the daemon's, and the name of their check", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("env.sh", "#!/bin/sh\nenv; exit 1\n", 0o755);
  const env = {
    KEPT: "yes",
    NOTIFY_SOCKET: "/x",
    WATCHDOG_USEC: "1",
    LISTEN_FDS: "1",
    BUN_X: "1",
    CREDENTIALS_DIRECTORY: "/c",
  };
  await using daemon = await startDaemon(["--script", script], { env });
  await daemon.ask();
  const line = await daemon.logged("check is down");
  expect(line).toContain("\\nKEPT=yes\\n");
  expect(line).toContain(`HEALTH_CHECKER_CHECK=script ${script}`);
  expect(line).not.toMatch(/NOTIFY_SOCKET|WATCHDOG|LISTEN_|BUN_X|CREDENTIALS/);
});

const FREEZER = "/sys/fs/cgroup/freezer";

asRoot(
  "a script that the kernel cannot let go of is not started a second time",
  async () => {
    // A frozen process of this hierarchy takes SIGKILL only when it is thawed.
    if (!existsSync(`${FREEZER}/cgroup.procs`)) {
      mkdirSync(FREEZER, { recursive: true });
      const mounted = Bun.spawnSync(["mount", "-t", "cgroup", "-o", "freezer", "freezer", FREEZER]);
      expect(mounted.stderr.toString()).toBe("");
    }
    const group = `${FREEZER}/health-checker-test-${process.pid}`;
    mkdirSync(group);
    await using folder = await tempFolder();
    const started = await folder.write("started", "");
    const sleep = uniqueSleep();
    const freezes = await folder.write("freezes", "");
    const script = await folder.write(
      "freezing.sh",
      `#!/bin/bash
echo run >>${started}
[ -e ${freezes} ] || exit 3
echo $$ >${group}/cgroup.procs
${sleep} &
echo FROZEN >${group}/freezer.state
wait
`,
      0o755,
    );
    const runs = () => readFileSync(started, "utf8").split("\n").length - 1;
    try {
      await using daemon = await startDaemon(["--script", script, "--script-timeout", "1"]);
      const first = daemon.ask();
      expect((await first).status).toBe(504);
      for (let asked = 0; asked < 3; asked++) expect((await daemon.ask()).status).toBe(504);
      expect(runs()).toBe(1);
      rmSync(freezes);
      writeFileSync(`${group}/freezer.state`, "THAWED");
      await allGone(sleep);
      await until(() => childrenOf(daemon.pid).length === 0, 30_000, "it to be reaped");
      expect((await daemon.ask()).status).toBe(504);
      expect(runs()).toBe(2);
    } finally {
      writeFileSync(`${group}/freezer.state`, "THAWED");
      await until(() => readFileSync(`${group}/cgroup.procs`, "utf8") === "", 30_000, "the group to be empty");
      rmdirSync(group);
    }
  },
  30_000,
);
