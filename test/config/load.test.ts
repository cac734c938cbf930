// Options are whole and frozen, or every mistake has its line.

import { expect, test } from "bun:test";
import { loadOptions, type RawValues } from "../../src/config/load.ts";

test("one port leaves everything else at its default", () => {
  expect(loadOptions({ port: ["5432"] })).toEqual({
    listener: { family: "tcp", host: "0.0.0.0", port: 5000 },
    listenerIsDefault: true,
    ports: [{ family: "tcp", host: "127.0.0.1", port: 5432 }],
    scripts: [],
    portTimeoutMs: 5000,
    scriptTimeoutMs: 5000,
    singleflight: false,
    maxRounds: 16,
    failureStatus: 504,
    logLevel: "info",
  });
});

test("every option has its say, and the last of several counts where one is wanted", () => {
  const raw: RawValues = {
    listener: ["bad", "unix:/run/hc.sock"],
    port: ["1", "[::1]:2", "db:3", "unix:/x"],
    script: ["a 'b c'", "d"],
    "port-timeout": ["1", "500ms"],
    "script-timeout": ["1m"],
    singleflight: ["false", "true"],
    "max-rounds": ["1024"],
    "failure-status": ["599"],
    "log-level": ["WARN"],
  };
  expect(loadOptions(raw)).toEqual({
    listener: { family: "unix", path: "/run/hc.sock" },
    listenerIsDefault: false,
    ports: [
      { family: "tcp", host: "127.0.0.1", port: 1 },
      { family: "tcp", host: "::1", port: 2 },
      { family: "tcp", host: "db", port: 3 },
      { family: "unix", path: "/x" },
    ],
    scripts: [
      { text: "a 'b c'", argv: ["a", "b c"] },
      { text: "d", argv: ["d"] },
    ],
    portTimeoutMs: 500,
    scriptTimeoutMs: 60_000,
    singleflight: true,
    maxRounds: 1024,
    failureStatus: 599,
    logLevel: "warn",
  });
});

test("options are frozen", () => {
  expect(Object.isFrozen(loadOptions({ port: ["1"] }))).toBe(true);
});

test.each(["panic", "fatal", "error", "warning", "warn", "info", "debug", "trace", "Info", "ERROR"])(
  "the log level %s is known",
  (level) => {
    expect(loadOptions({ port: ["1"], "log-level": [level] })).toMatchObject({ logLevel: level.toLowerCase() });
  },
);

test.each([":5000", "localhost:0", "[::]:80", "0.0.0.0:65535"])("%s may be listened on", (listener) => {
  expect(loadOptions({ port: ["1"], listener: [listener] })).toHaveProperty("listener");
});

const PORT = "--port: expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH, got";
const DURATION = "expected a duration such as 5, 500ms, 10s or 1m30s, got";
const LEVEL = "--log-level: expected one of panic, fatal, error, warning, info, debug, got";
const LISTENER = "--listener: expected HOST:PORT, :PORT or unix:/PATH, got";
const OPEN_QUOTE = "--script: expected a command whose quotes are closed and which does not end in a backslash, got";

test.each([
  [{ port: ["0"] }, `${PORT} "0"`],
  [{ port: ["-1"] }, `${PORT} "-1"`],
  [{ port: ["70000"] }, `${PORT} "70000"`],
  [{ port: ["000000080"] }, `${PORT} "000000080"`],
  [{ port: [""] }, `${PORT} "" (it has no colon)`],
  [{ port: ["http"] }, `${PORT} "http" (it has no colon)`],
  [{ port: [":80"] }, `${PORT} ":80" (it has no host before the colon)`],
  [{ port: ["::1:80"] }, `${PORT} "::1:80" (an IPv6 address needs brackets, as in [::1]:5432)`],
  [{ port: ["db:0"] }, `${PORT} "db:0" (its port is not a number from 1 to 65535)`],
  [{ script: ["a 'b"] }, `${OPEN_QUOTE} "a 'b"`],
  [{ script: ["a\\"] }, `${OPEN_QUOTE} "a\\\\"`],
  [{ script: [""] }, '--script: expected a command, got ""'],
  [{ script: ["''"] }, "--script: expected a command whose first word is not empty, got \"''\""],
  [
    { script: ["x $'y'"] },
    "--script: expected a command without $'…' or $\"…\", since nothing is expanded, got \"x $'y'\"",
  ],
  [{ port: ["1"], "script-timeout": ["0"] }, '--script-timeout: expected a duration above zero, got "0"'],
  [{ port: ["1"], "script-timeout": ["-1"] }, `--script-timeout: ${DURATION} "-1"`],
  [{ port: ["1"], "port-timeout": ["0ms"] }, '--port-timeout: expected a duration above zero, got "0ms"'],
  [{ port: ["1"], "port-timeout": ["5 s"] }, `--port-timeout: ${DURATION} "5 s"`],
  [{ port: ["1"], "port-timeout": [""] }, `--port-timeout: ${DURATION} ""`],
  [{ port: ["1"], "port-timeout": ["25h"] }, '--port-timeout: expected at most 24h, got "25h"'],
  [
    { port: ["1"], "port-timeout": ["9".repeat(400)] },
    `--port-timeout: expected at most 24h, got "${"9".repeat(400)}"`,
  ],
  [{ port: ["1"], listener: ["1234"] }, `${LISTENER} "1234" (it has no colon)`],
  [{ port: ["1"], listener: ["host:70000"] }, `${LISTENER} "host:70000" (its port is not a number from 0 to 65535)`],
  [{ port: ["1"], listener: ["unix:x"] }, `${LISTENER} "unix:x" (the path after unix: must begin with a slash)`],
  [{ port: ["1"], "max-rounds": ["0"] }, '--max-rounds: expected a whole number from 1 to 1024, got "0"'],
  [{ port: ["1"], "max-rounds": ["1025"] }, '--max-rounds: expected a whole number from 1 to 1024, got "1025"'],
  [{ port: ["1"], "max-rounds": ["1.5"] }, '--max-rounds: expected a whole number from 1 to 1024, got "1.5"'],
  [{ port: ["1"], "max-rounds": [""] }, '--max-rounds: expected a whole number from 1 to 1024, got ""'],
  [{ port: ["1"], "failure-status": ["200"] }, '--failure-status: expected a whole number from 400 to 599, got "200"'],
  [{ port: ["1"], "failure-status": ["600"] }, '--failure-status: expected a whole number from 400 to 599, got "600"'],
  [{ port: ["1"], "failure-status": ["5e2"] }, '--failure-status: expected a whole number from 400 to 599, got "5e2"'],
  [{ port: ["1"], "log-level": ["loud"] }, `${LEVEL} "loud"`],
  [{ port: ["1"], "log-level": ["constructor"] }, `${LEVEL} "constructor"`],
  [{}, "no check: expected at least one --port or --script, got none"],
] satisfies [RawValues, string][])("%j is refused", (raw, problem) => {
  expect(loadOptions(raw)).toEqual([problem]);
});

test("all mistakes are told at once", () => {
  const raw: RawValues = {
    port: ["0", "80", "x"],
    script: ["'"],
    "script-timeout": ["0"],
    "port-timeout": ["x"],
    listener: ["1234"],
    "log-level": ["loud"],
    "max-rounds": ["-1"],
    "failure-status": ["200"],
  };
  const problems = loadOptions(raw);
  expect([...(problems as readonly string[])].sort()).toEqual(
    [
      `${PORT} "0"`,
      `${PORT} "x" (it has no colon)`,
      `${OPEN_QUOTE} "'"`,
      '--script-timeout: expected a duration above zero, got "0"',
      `--port-timeout: ${DURATION} "x"`,
      `${LISTENER} "1234" (it has no colon)`,
      `${LEVEL} "loud"`,
      '--max-rounds: expected a whole number from 1 to 1024, got "-1"',
      '--failure-status: expected a whole number from 400 to 599, got "200"',
    ].sort(),
  );
});

test("a problem is one line, whatever was given", () => {
  const problems = loadOptions({ port: ["a\nb:80"], script: ["'\n"], listener: ["\u2028"] });
  for (const problem of problems as readonly string[]) expect(problem).not.toMatch(/\n/);
});
