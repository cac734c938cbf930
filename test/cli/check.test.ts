// The words of `check`: the daemon's, and two of its own that the daemon does not know.

import { expect, test } from "bun:test";
import { decide as decideIn } from "../../src/cli/decide.ts";
import { tempFolder } from "../support/temp.ts";

const decide = (...argv: string[]) => decideIn(argv, {});

test("check takes the daemon's options and its own", async () => {
  expect(await decide("check", "-port", "80", "--deadline=2s")).toMatchObject({
    kind: "check",
    json: false,
    waitMs: undefined,
    options: { checks: [{ name: "tcp 127.0.0.1:80" }], deadlineMs: 2000, deadlineIsDefault: false },
  });
  expect(await decide("check", "--json", "--wait", "5m", "--port", "80")).toMatchObject({
    kind: "check",
    json: true,
    waitMs: 300_000,
  });
  expect(await decide("check", "--json=false", "--port", "80")).toMatchObject({ kind: "check", json: false });
});

test("all that is wrong is told at once, its own options too", async () => {
  expect(await decide("check", "--wait", "soon", "--json=maybe", "--port", "0", "--wiat", "5m", "x")).toEqual({
    kind: "refuse",
    lines: [
      "health-checker: --wiat: unknown option; did you mean --wait?",
      'health-checker: unexpected argument "x"',
      'health-checker: --json: expected true or false, got "maybe"',
      'health-checker: --wait: expected a duration such as 5, 500ms, 10s or 1m30s, got "soon"',
      'health-checker: --port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
    ],
  });
  expect(await decide("check", "--port", "80", "--wait", "--json")).toEqual({
    kind: "refuse",
    lines: ["health-checker: --wait: expected a value (D), got the option --json"],
  });
  expect(await decide("check", "--wait", "1m", "--json", "--wait", "soon", "--json=false", "--port", "0")).toEqual({
    kind: "refuse",
    lines: [
      'health-checker: --wait: expected once, got "1m" and "soon"',
      'health-checker: --json: expected once, got "true" and "false"',
      'health-checker: --wait: expected a duration such as 5, 500ms, 10s or 1m30s, got "soon"',
      'health-checker: --port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got "0"',
    ],
  });
  expect(await decide("check", "--wait", "0", "--port", "80")).toMatchObject({
    lines: [expect.stringContaining("--wait: expected a duration above zero")],
  });
  expect(await decide("check")).toMatchObject({
    kind: "refuse",
    lines: [expect.stringMatching(/^health-checker: no check: expected at least one --port/)],
  });
});

test("neither the daemon nor a config file nor another command knows them", async () => {
  expect(await decide("--port", "80", "--json")).toMatchObject({
    lines: [expect.stringMatching(/^health-checker: --json: unknown option/)],
  });
  expect(await decide("--port", "80", "--wait", "5m")).toMatchObject({
    lines: [expect.stringMatching(/^health-checker: --wait: unknown option/)],
  });
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "json: true\nwait: 5m\nchecks: [{ tcp: 80 }]\n");
  expect(await decide("check", "--config", file)).toMatchObject({
    kind: "refuse",
    lines: [expect.stringMatching(/^\S+:1:1: json: expected/), expect.stringMatching(/^\S+:2:1: wait: expected/)],
  });
  expect(await decide("validate", file, "--wait", "5m")).toMatchObject({
    lines: expect.arrayContaining([expect.stringMatching(/^health-checker: --wait: unknown option/)]),
  });
});

test("its help tells of its options, in 80 columns, whatever else is wrong", async () => {
  const action = await decide("check", "--help", "--prot");
  const text = action.kind === "print" ? action.text : "";
  expect(text).toContain("--json\n");
  expect(text).toContain("--wait D\n");
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});
