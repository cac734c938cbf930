// The command lines of status, reload, drain, undrain and maint: they have their own options and none of the daemon.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { problemsOf, refusal, runCommand } from "../../support/command.ts";
import { hostStatus } from "../../support/status.ts";
import { tempFolder } from "../../support/temp.ts";

const DEFAULT = "/run/health-checker/control.sock";

test.each([
  [["status"], "GET /status"],
  [["status", "--json"], "GET /status"],
  [["status", "-json=false"], "GET /status"],
  [["reload"], 'POST /reload {"force":false,"dryRun":false}'],
  [["reload", "--force"], 'POST /reload {"force":true,"dryRun":false}'],
  [["reload", "--dry-run"], 'POST /reload {"force":false,"dryRun":true}'],
  [["drain"], "POST /drain {}"],
  [["drain", "--reason", "new kernel"], 'POST /drain {"reason":"new kernel"}'],
  [["undrain"], "POST /undrain"],
  [["maint", "--for", "10m"], 'POST /maint {"forMs":600000}'],
  [["maint", "--reason", "disk swap", "--for=90"], 'POST /maint {"forMs":90000,"reason":"disk swap"}'],
  [["maint", "--for", "24h", "--reason=--port"], 'POST /maint {"forMs":86400000,"reason":"--port"}'],
])("%j asks the daemon for %s", async (argv, request) => {
  await using folder = await tempFolder();
  const socket = join(folder.path, "a b.sock");
  const requests: string[] = [];
  await using _ = Bun.serve({
    unix: socket,
    async fetch(request) {
      requests.push(`${request.method} ${new URL(request.url).pathname} ${await request.text()}`.trim());
      return Response.json({ error: "not now" }, { status: 503 });
    },
  });
  for (const words of [[`-control-socket=${socket}`], ["--control-socket", socket]]) {
    expect(await runCommand([...argv, ...words])).toEqual({
      out: "",
      err: [`health-checker: ${argv[0]}: the daemon answered 503: not now`],
      status: argv[0] === "status" ? 3 : 1,
    });
  }
  expect(requests).toEqual([request, request]);
});

const SOCKET = "a path that begins with a slash, of at most 90 bytes";
const REASON = "a text on one line, of at most 200 characters";

test.each([
  [["status", "--port", "80"], ["--port: not an option of status; it is an option of the daemon"]],
  [["reload", "--config=hc.yaml"], ["--config: not an option of reload; it is an option of the daemon"]],
  [["drain", "-v"], ["-v: not an option of drain; it is an option of the daemon"]],
  [["drain", "--json"], ["--json: unknown option"]],
  [["undrain", "--controlsocket", "/a"], ["--controlsocket: unknown option; did you mean --control-socket?"]],
  [["status", "now"], ['unexpected argument "now"']],
  [["status", "--json=maybe"], ['--json: expected true or false, got "maybe"']],
  [["status", "--json", "--json=false"], ['--json: expected once, got "true" and "false"']],
  [["drain", "--control-socket=/a", "--control-socket=/a"], ['--control-socket: expected once, got "/a" and "/a"']],
  [
    ["maint", "--for", "10m", "--reason", "a", "--for", "soon", "--reason", "b"],
    [
      '--for: expected once, got "10m" and "soon"',
      '--reason: expected once, got "a" and "b"',
      '--for: expected a duration such as 5, 500ms, 10s or 1m30s, got "soon"',
    ],
  ],
  [
    ["drain", "--reason", "a\nb"],
    [`--reason: expected ${REASON}, got "a\\nb" (it holds a character that cannot be shown on one line)`],
  ],
  [["status", "--control-socket", "a"], [`--control-socket: expected ${SOCKET}, got "a"`]],
  [["status", "--control-socket"], ["--control-socket: expected a value (PATH), got none"]],
  [["maint"], ["--for: no duration given; usage: health-checker maint --for 10m"]],
  [["maint", "--for"], ["--for: expected a value (DURATION), got none"]],
  [["maint", "--for", "0"], ['--for: expected a duration above zero, got "0"']],
  [["maint", "--for", "25h"], ['--for: expected at most 24h, got "25h"']],
  [
    ["maint", "--for", "soon", "--reason", "a\nb", "--port=1", "x"],
    [
      "--port: not an option of maint; it is an option of the daemon",
      'unexpected argument "x"',
      '--for: expected a duration such as 5, 500ms, 10s or 1m30s, got "soon"',
      `--reason: expected ${REASON}, got "a\\nb" (it holds a character that cannot be shown on one line)`,
    ],
  ],
] as const)("%j is refused, with what is expected", async (argv, problems) => {
  expect(await runCommand(argv)).toEqual(
    refusal(
      problems.map((problem) => `health-checker: ${problem}`),
      argv[0],
    ),
  );
});

test("the exit status of status is 0 if the host is healthy, 1 if it is not, and 3 if that is not known", async () => {
  await using folder = await tempFolder();
  const socket = join(folder.path, "control.sock");
  const status = async () => (await runCommand(["status", "--control-socket", socket])).status;
  expect(await status()).toBe(3);
  expect(await runCommand(["drain", "--control-socket", socket])).toMatchObject({ status: 1 });
  let answer: object = hostStatus();
  await using _ = Bun.serve({ unix: socket, fetch: () => Response.json(answer) });
  expect(await status()).toBe(0);
  answer = hostStatus({ healthy: false, state: "drained", drain: { since: "2026-01-31T12:00:00.000Z" } });
  expect(await status()).toBe(1);
  answer = { healthy: true };
  expect(await status()).toBe(3);
});

test("the daemon takes none of their options", async () => {
  for (const option of ["--json", "--for=10m", "--reason=x"]) {
    expect(await problemsOf(["--port", "80", option])).toEqual([expect.stringContaining("unknown option")]);
  }
});

test.each([
  ["status", ["--json", "--control-socket PATH"]],
  ["reload", ["--force", "--dry-run", "--control-socket PATH"]],
  ["drain", ["--reason TEXT", "--control-socket PATH"]],
  ["undrain", ["--control-socket PATH"]],
  ["maint", ["--for DURATION", "--reason TEXT", "--control-socket PATH"]],
])("the help of %s shows only its options", async (verb, options) => {
  for (const argv of [
    [verb, "--help"],
    [verb, "-h"],
    [verb, "--port", "80", "--help"],
  ]) {
    const { out: text, status } = await runCommand(argv);
    expect(status).toBe(0);
    expect([...text.matchAll(/^ {2}(--.*)$/gm)].map(([, option]) => option)).toEqual(options);
    expect(text).toContain(`Default: ${DEFAULT}.`);
  }
});

test("a mistyped command gets a hint to the similar command", async () => {
  expect(await problemsOf(["undrian"])).toEqual([expect.stringMatching(/did you mean undrain\?$/)]);
});
