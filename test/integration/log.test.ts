// The log of the running binary: in the format that was asked for or that its stdout
// calls for, and not to be flooded by a check that flips.

import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { binary } from "../support/binary.ts";
import { plainEnvironment } from "../support/child.ts";
import { freePort, listener } from "../support/listeners.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** Runs the binary until `enough` is content with its lines, and ends it: all of them. Its stdout is a file, which JOURNAL_STREAM names if `named`. */
async function linesOf(args: readonly string[], named: boolean, enough: (lines: readonly string[]) => unknown) {
  await using folder = await tempFolder();
  const file = await folder.write("log", "");
  const { dev, ino } = statSync(file, { bigint: true });
  const child = Bun.spawn([await binary(), "--listener", "127.0.0.1:0", ...args], {
    env: { ...plainEnvironment(), JOURNAL_STREAM: named ? `${dev}:${ino}` : `${dev}:${ino}0` },
    stdin: "ignore",
    stdout: Bun.file(file),
    stderr: "inherit",
  });
  const lines = async () => (await Bun.file(file).text()).split("\n").slice(0, -1);
  try {
    await until(async () => enough(await lines()));
  } finally {
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
  }
  return await lines(); // before the folder is gone
}

/** What a start that fails says on stderr, a file, which JOURNAL_STREAM names if `named`. */
async function complaintsOf(args: readonly string[], named: boolean): Promise<readonly string[]> {
  await using folder = await tempFolder();
  const file = await folder.write("log", "");
  const { dev, ino } = statSync(file, { bigint: true });
  const child = Bun.spawn([await binary(), ...args], {
    env: { ...plainEnvironment(), ...(named && { JOURNAL_STREAM: `${dev}:${ino}` }) },
    stdio: ["ignore", "ignore", Bun.file(file)],
  });
  expect(await child.exited).toBeGreaterThan(0);
  return (await Bun.file(file).text()).split("\n").slice(0, -1);
}

test("where stderr is the journal, what keeps it from starting has the priority of errors, and nowhere else a prefix", async () => {
  await using taken = await listener();
  await using folder = await tempFolder();
  const config = await folder.write("c.yaml", "checks: [{ tcp: 0 }, { http: x }]\n");
  for (const args of [
    ["--port", "1", "--listener", `127.0.0.1:${taken.port}`],
    ["--prot", "1", "--max-rounds", "0"],
    ["--config", config],
    ["reload", "--control-socket", "/nowhere/control.sock"],
  ]) {
    const plain = await complaintsOf(args, false);
    expect(plain.join("")).not.toContain("<");
    expect(await complaintsOf(args, true)).toEqual(plain.map((line) => `<3>${line}`));
    expect(plain).not.toEqual([]);
  }
}, 30_000);

test("where stderr is the journal, a warning has the priority of one", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("log", "");
  const { dev, ino } = statSync(file, { bigint: true });
  const child = Bun.spawn([await binary(), "unit", "--port", "1", "--listener", "unix:/usr/x.sock"], {
    env: { ...plainEnvironment(), JOURNAL_STREAM: `${dev}:${ino}` },
    stdio: ["ignore", "ignore", Bun.file(file)],
  });
  await child.exited;
  expect(await Bun.file(file).text()).toMatch(/^(<4>health-checker: warning: .*\n)+$/);
}, 30_000);

const refused = async () => ["--port", String(await freePort()), "--interval", "1h"];
const isJudged = (lines: readonly string[]) => lines.some((line) => line.includes("host is unhealthy"));

test("where stdout is the journal, each line has its priority and no time", async () => {
  const lines = await linesOf(await refused(), true, isJudged);
  expect(lines[0]).toMatch(/^<6>listening address=127\.0\.0\.1:\d+ checks=1 version=/);
  expect(lines.every((line) => /^<[46]>[a-z]/.test(line))).toBe(true);
  expect(lines.find((line) => line.includes("check is down"))).toMatch(/^<4>check is down .* reason=refused /);
});

test("a JOURNAL_STREAM that is another stream than stdout changes nothing, and the option has the last word", async () => {
  for (const [args, named] of [
    [[], false],
    [["--log-format", "text"], true],
  ] as const) {
    const lines = await linesOf([...(await refused()), ...args], named, isJudged);
    expect(lines.every((line) => /^\d{4}-\S+Z (INFO|WARNING) [a-z]/.test(line))).toBe(true);
  }
});

test("as JSON each line is an object, with the failure of a check as its detail", async () => {
  const lines = await linesOf([...(await refused()), "--log-format=json"], true, isJudged);
  const objects = lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  for (const { time } of objects) expect(new Date(String(time)).toISOString()).toBe(String(time));
  expect(objects.find(({ message }) => message === "check is down")).toMatchObject({
    level: "warning",
    reason: "refused",
    detail: expect.stringContaining("refused"),
    seconds: expect.any(Number),
  });
});

test("a check that flips at each run has five lines and one at the end, and so has the host", async () => {
  await using folder = await tempFolder();
  const script = "n=$(wc -l <runs); echo run >>runs; exit $((n % 2))";
  const flips = await folder.write("flips.sh", `#!/bin/sh\ncd ${folder.path} && ${script}\n`, 0o755);
  const runs = await folder.write("runs", "");
  const lines = await linesOf(["--script", flips, "--interval", "100ms"], true, async () => {
    return (await Bun.file(runs).text()).length / "run\n".length > 25;
  });
  for (const pattern of [/check is (?:up|down)/, /host is (?:un)?healthy/]) {
    const said = lines.filter((line) => pattern.test(line));
    expect(said).toHaveLength(6);
    const suppressed = said.map((line) => Number(/ suppressed=(\d+) ago=\S+$/.exec(line)?.[1]));
    expect(suppressed.slice(0, 5)).toEqual(Array(5).fill(Number.NaN));
    expect(suppressed[5]).toBeGreaterThan(15);
  }
});
