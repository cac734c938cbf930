// The command line of `check`: the daemon's options, and two of its own that the daemon does not take.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { fileRefusal, problemsOf, refusal, runCommand } from "../../support/command.ts";
import { tempFolder } from "../../support/temp.ts";

const MAIN = join(import.meta.dir, "../../../src/main.ts");

const check = (...words: readonly string[]) => runCommand(["check", ...words]);

test.each([
  [["--json"], /^\{"healthy":true,/],
  [["--json=false", "--deadline=20s"], /\nhealthy, 1 of 1 up\n$/],
  [["--wait", "5m", "--json"], /^\{"healthy":true,/],
])("check takes %j with the daemon's options", async (words, shown) => {
  const child = Bun.spawn([process.execPath, MAIN, "check", "-script", "true", ...words], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, err, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  expect({ out, err, status }).toEqual({ out: expect.stringMatching(shown), err: "", status: 0 });
});

test("all problems are reported at once, also those of its own options", async () => {
  expect(await check("--wait", "soon", "--json=maybe", "--port", "0", "--wiat", "5m", "x")).toEqual(
    refusal([
      "health-checker: --wiat: unknown option; did you mean --wait?",
      'health-checker: unexpected argument "x"',
      'health-checker: --json: expected true or false, got "maybe"',
      'health-checker: --wait: expected a duration such as 5, 500ms, 10s or 1m30s, got "soon"',
      'health-checker: --port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
    ]),
  );
  expect(await check("--port", "80", "--wait", "--json")).toEqual(
    refusal(["health-checker: --wait: expected a value (DURATION), got the option --json"]),
  );
  expect(await check("--wait", "1m", "--json", "--wait", "soon", "--json=false", "--port", "0")).toEqual(
    refusal([
      'health-checker: --wait: expected once, got "1m" and "soon"',
      'health-checker: --json: expected once, got "true" and "false"',
      'health-checker: --wait: expected a duration such as 5, 500ms, 10s or 1m30s, got "soon"',
      'health-checker: --port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
    ]),
  );
  expect(await check("--wait", "0", "--port", "80")).toEqual(
    refusal([expect.stringContaining("--wait: expected a duration above zero")]),
  );
  expect(await check()).toEqual(refusal([expect.stringMatching(/^health-checker: nothing to check: give --port/)]));
});

test("neither the daemon nor a config file nor another command takes its own options", async () => {
  expect(await problemsOf(["--port", "80", "--json"])).toEqual([
    expect.stringMatching(/^health-checker: --json: unknown option/),
  ]);
  expect(await problemsOf(["--port", "80", "--wait", "5m"])).toEqual([
    expect.stringMatching(/^health-checker: --wait: unknown option/),
  ]);
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "json: true\nwait: 5m\nchecks: [{ tcp: 80 }]\n");
  expect(await check("--config", file)).toEqual(
    fileRefusal([
      expect.stringMatching(/^\S+:1:1: json: unknown key/),
      expect.stringMatching(/^\S+:2:1: wait: unknown key/),
    ]),
  );
  expect(await problemsOf(["validate", file, "--wait", "5m"])).toEqual(
    expect.arrayContaining([expect.stringMatching(/^health-checker: --wait: unknown option/)]),
  );
});

test("its help lists its options, in 80 columns, whatever else is wrong", async () => {
  const { out, status } = await check("--help", "--prot");
  expect(status).toBe(0);
  expect(out).toContain("--json\n");
  expect(out).toContain("--wait DURATION\n");
  for (const line of out.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});
