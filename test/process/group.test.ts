// A run is over when its leader has ended; no process of the group and no descriptor is left then, whatever the program does.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  allGroupsGone,
  type Group,
  killAllGroups,
  orphanCount,
  StartError,
  startGroup,
} from "../../src/process/group.ts";
import { isAlive, statOf } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const { PATH = "/usr/bin:/bin" } = process.env;
const fixture = (name: string) => join(import.meta.dir, "../fixtures", name);
const descriptors = () => readdirSync("/proc/self/fd").length;

/** The live processes of a group. */
const membersOf = (group: number) =>
  readdirSync("/proc")
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && statOf(pid)?.group === group && isAlive(pid));

interface Started extends Group {
  readonly orphans: () => number;
  /** Asserts that nothing of it is left: no process, no zombie, no descriptor. */
  readonly gone: () => Promise<unknown>;
}

function started(group: Group | StartError): Group {
  if (group instanceof StartError) throw new Error(group.code);
  return group;
}

function start(...argv: string[]): Started {
  let orphans = 0;
  const before = descriptors();
  const group = started(startGroup(argv, { env: { PATH }, onOrphan: () => orphans++ }));
  return {
    ...group,
    orphans: () => orphans,
    gone: () =>
      until(
        () => membersOf(group.pid).length === 0 && statOf(group.pid) === undefined && descriptors() <= before,
        5000,
        `the group ${group.pid} to be gone with its descriptors`,
      ),
  };
}

const sh = (script: string) => start("/bin/sh", "-c", script);

/** Waits for its first output, so that it has reached the state that the test needs. */
const begun = (group: Group) => until(() => group.output() !== undefined, 30_000, "the first output");

/** Resolves once any wrong report of an orphan, by a run that is over, must have come. */
async function orphanOfAnother(): Promise<void> {
  const group = start(fixture("leaves-group.sh"));
  await group.exited;
  await until(() => group.orphans() > 0);
  process.kill(Number(group.output()), "SIGKILL");
}

describe("a program that ends by itself", () => {
  test("gives its status and both outputs, in order", async () => {
    const group = start(fixture("exits-3.sh"));
    expect(await group.exited).toEqual({ exitCode: 3, signal: null });
    expect(group.output()).toBe("out\nerr");
    await group.gone();
    expect(group.orphans()).toBe(0);
  });

  test("and prints nothing has no output", async () => {
    const group = start("/bin/true");
    expect(await group.exited).toEqual({ exitCode: 0, signal: null });
    expect(group.output()).toBeUndefined();
    await group.gone();
  });

  test("by a signal gives the signal", async () => {
    const group = start(fixture("segfaults.sh"));
    expect(await group.exited).toEqual({ exitCode: null, signal: "SIGSEGV" });
    await group.gone();
  });

  test("may print bytes that are not text", async () => {
    const group = start(fixture("non-utf8.sh"));
    await group.exited;
    expect(group.output()).toBe("a\ufffd\ufffdb\ufffd");
    await group.gone();
  });

  test("may open its outputs by name", async () => {
    const group = start(fixture("opens-outputs.sh"));
    expect(await group.exited).toEqual({ exitCode: 0, signal: null });
    expect(group.output()).toBe("out\nerr");
    await group.gone();
  });

  test("and prints much is read to the last byte, and the end of it is kept", async () => {
    const group = start(fixture("floods.sh"));
    expect(await group.exited).toEqual({ exitCode: 1, signal: null });
    const output = group.output() ?? "";
    expect(output).toEndWith("\nend\n(captured 4096 of 50000000 bytes)");
    expect(output).toStartWith("x".repeat(4000));
    await group.gone();
  }, 60_000);

  test("and leaves a child that holds its output is over at once, and the child is ended", async () => {
    const group = start(fixture("forks.sh")); // whose child sleeps for longer than the test may take
    expect(await group.exited).toEqual({ exitCode: 0, signal: null });
    expect(group.output()).toBe("forked");
    await group.gone();
    expect(group.orphans()).toBe(0);
  });

  test("and leaves a process outside its group that holds its output is over at once, and the orphan is reported once", async () => {
    const before = orphanCount();
    const group = start(fixture("leaves-group.sh"));
    expect(await group.exited).toEqual({ exitCode: 0, signal: null });
    const orphan = Number(group.output());
    try {
      await until(() => group.orphans() > 0);
      await group.gone();
      expect(group.orphans()).toBe(1);
      expect(orphanCount()).toBe(before + 1);
      expect(isAlive(orphan)).toBe(true);
    } finally {
      process.kill(orphan, "SIGKILL");
    }
  });

  test("and leaves a process outside its group that has closed its output reports no orphan", async () => {
    const group = start(fixture("leaves-all.sh"));
    await group.exited;
    const left = Number(group.output());
    try {
      await group.gone();
      expect(isAlive(left)).toBe(true);
      await orphanOfAnother();
      expect(group.orphans()).toBe(0);
    } finally {
      process.kill(left, "SIGKILL");
    }
  });
});

describe("a program that is killed", () => {
  test.each(["hangs.sh", "ignores-sigterm.sh", "forks-many.sh", "floods-for-ever.sh"])(
    "%s is gone whole",
    async (name) => {
      const group = start(fixture(name));
      await begun(group);
      group.kill();
      expect(await group.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
      await group.gone();
      await orphanOfAnother();
      expect(group.orphans()).toBe(0);
      expect(group.output()).not.toContain("DONE");
    },
  );

  test("right after its start leaves no process", async () => {
    const groups = Array.from({ length: 20 }, () => start(fixture("forks-many.sh")));
    for (const group of groups) group.kill();
    for (const group of groups) expect(await group.exited).toEqual({ exitCode: null, signal: "SIGKILL" });
    for (const { pid } of groups) await until(() => membersOf(pid).length === 0);
    await groups[0]?.gone();
  });

  test("may be killed twice, or after its end", async () => {
    const group = start("/bin/true");
    await group.exited;
    expect(() => group.kill()).not.toThrow();
    expect(() => group.kill()).not.toThrow();
    await group.gone();
  });

  test("with all others leaves none of them", async () => {
    const groups = ["hangs.sh", "ignores-sigterm.sh", "forks-many.sh"].map((name) => start(fixture(name)));
    killAllGroups();
    await allGroupsGone(5000);
    for (const { pid } of groups) await until(() => membersOf(pid).length === 0);
    await groups[0]?.gone();
  });

  test("while it floods its output uses little memory", async () => {
    const before = process.memoryUsage.rss();
    const group = start(fixture("floods-for-ever.sh"));
    await until(
      () => Number(/of (\d+) bytes/.exec(group.output() ?? "")?.[1]) > 100_000_000,
      30_000,
      "100 MB of output",
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(50_000_000);
    group.kill();
    await group.exited;
    await group.gone();
  }, 40_000);
});

describe("a program finds", () => {
  test("the environment it is given and nothing else", async () => {
    const group = started(startGroup(["/usr/bin/env"], { env: { A: "1", B: "x y" }, onOrphan() {} }));
    await group.exited;
    expect(group.output()?.split("\n").toSorted()).toEqual(["A=1", "B=x y"]);
  });

  test("its program in the path it is given", async () => {
    await using folder = await tempFolder();
    await folder.write("only-here", "#!/bin/sh\necho found\n", 0o755);
    const group = started(startGroup(["only-here"], { env: { PATH: `${folder.path}:/usr/bin:/bin` }, onOrphan() {} }));
    await group.exited;
    expect(group.output()).toBe("found");
  });

  test("its arguments as they are", async () => {
    const group = start("/usr/bin/printf", "[%s]", "", "a b", "*", "$HOME", "'\"\\", "é");
    await group.exited;
    expect(group.output()).toBe("[][a b][*][$HOME]['\"\\][é]");
  });

  test("no input", async () => {
    const group = start("/bin/cat");
    expect(await group.exited).toEqual({ exitCode: 0, signal: null });
  });

  test("itself the leader of a group and a session", async () => {
    const group = sh("cut -d' ' -f5,6 /proc/$$/stat");
    await group.exited;
    expect(group.output()).toBe(`${group.pid} ${group.pid}`);
  });

  test("its three descriptors open and no other of ours", async () => {
    const group = sh("ls /proc/$$/fd");
    await group.exited;
    expect(group.output()?.split("\n")).toEqual(["0", "1", "2"]);
  });

  test("its output blocking, as programs expect it", async () => {
    const group = sh("grep flags /proc/$$/fdinfo/1");
    await group.exited;
    const flags = Number.parseInt(/flags:\s+([0-7]+)/.exec(group.output() ?? "")?.[1] ?? "", 8);
    expect(flags & 0o4000).toBe(0);
  });

  test("no signal blocked or ignored", async () => {
    const group = start("/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status");
    await group.exited;
    expect(group.output()?.split("\n")).toEqual(["SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"]);
  });
});

describe("a program that cannot start", () => {
  const codeOf = (argv: readonly string[]): string => {
    const group = startGroup(argv, { env: { PATH }, onOrphan() {} });
    return group instanceof StartError ? group.code : "started";
  };

  test("is an error with the code, and leaves no descriptor", async () => {
    await using folder = await tempFolder();
    const rows = [
      [["/no/such/program"], "ENOENT"],
      [["no-such-program"], "ENOENT"],
      [[await folder.write("plain", "#!/bin/sh\n", 0o644)], "EACCES"],
      [[folder.path], "EACCES"],
      [[await folder.write("no-line", "echo\n", 0o755)], "ENOEXEC"],
      [[await folder.write("windows", "#!/bin/sh\r\n", 0o755)], "ENOENT"],
      [["/bin/true", "x".repeat(3_000_000)], "E2BIG"],
    ] as const;
    const before = descriptors();
    for (const [argv, code] of rows) expect([argv[0], codeOf(argv)]).toEqual([argv[0], code]);
    await until(() => descriptors() <= before);
  });
});

test("500 runs leave no process, no zombie and no descriptor", async () => {
  const before = descriptors();
  for (let count = 0; count < 25; count++) {
    const groups = Array.from({ length: 20 }, () => started(startGroup(["/bin/true"], { env: {}, onOrphan() {} })));
    await Promise.all(groups.map(({ exited }) => exited));
  }
  await until(() => descriptors() <= before);
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim();
  expect(children).toBe("");
}, 60_000);
