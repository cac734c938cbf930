// What the compiled binary warns of, it warns of in the same words in `validate`, `explain` and the daemon's log,
// of the file and of the command line alike.

import { expect, test } from "bun:test";
import { startDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

/** Whatever says it; each line from the place on, which is hc.yaml for the file. */
async function warningsOf(folder: TempFolder, content: string, ...options: readonly string[]) {
  const file = await folder.write("hc.yaml", content);
  const shorten = (text: string) => text.replaceAll(file, "hc.yaml").trim();
  const linesOf = (text: string) =>
    text
      .split("\n")
      .filter((line) => line.includes(": warning: "))
      .map(shorten);
  const validated = await run(["validate", file, ...options]);
  const explained = await run(["explain", "--config", file, ...options]);
  await using daemon = await startDaemon(["--config", file, ...options]);
  // The lines after them.
  await until(() => daemon.log().some((line) => line.includes(" INFO check ")));
  const logged = daemon.log().flatMap((line) => {
    const [, warning] = / WARNING configuration warning warning=(".*")$/.exec(line) ?? [];
    return warning === undefined ? [] : [shorten(JSON.parse(warning))];
  });
  return {
    exitCodes: [validated.exitCode, explained.exitCode],
    validate: linesOf(validated.err),
    explain: linesOf(explained.out),
    logged,
  };
}

test("a script that only a shell understands", async () => {
  await using folder = await tempFolder();
  const content = "checks:\n  - { name: zk, script: echo ruok | nc 127.0.0.1 1 | grep imok }\n";
  const said = await warningsOf(folder, content, "--script", "/bin/echo x > /no/such/file");
  const noShell = (what: string) =>
    `warning: a script runs without a shell, so ${what} reaches the command as plain text; use [sh, -c, "…"] (as an option: --script "sh -c '…'"), or put plain text in single quotes`;
  const warnings = [
    `--script "/bin/echo x > /no/such/file": ${noShell(">")}`,
    `hc.yaml:2:25: checks[0].script: ${noShell("|")}`,
  ];
  expect(said).toEqual({ exitCodes: [0, 0], validate: warnings, explain: warnings, logged: warnings });
});

test("a value, a time, a pattern, a script and a file that are not what they seem", async () => {
  await using folder = await tempFolder();
  const script = await folder.write("check.sh", "#!/bin/sh\nexit 0\n", 0o757);
  const content = [
    "checks:",
    "  - { timeout: 20s, interval: 10s, name: a,",
    `      script: [${script}] }`,
    '  - { name: b, tcp: 22, expect: "(?i)ssh" }',
    `  - { name: c, redis: redis://127.0.0.1, password: "$\${DB}\${PASSWORD}" }`,
    "",
  ].join("\n");
  const said = await warningsOf(folder, content, "--port-timeout", "5000", "--interval", "1h30m");
  const warnings = [
    "--port-timeout: warning: 5000 without a unit is seconds (1h23m20s); write 5000ms for milliseconds, or 5000s for seconds",
    "hc.yaml:2:16: checks[0].timeout: warning: the timeout (20s) is longer than the interval (10s), so while a run hangs the next runs are skipped",
    `hc.yaml:3:15: checks[0].script: warning: any user can write ${script} (mode 757) and change what the daemon runs`,
    "hc.yaml:4:33: checks[1].expect: warning: it is compared as plain text, including (?i); write a regular expression between slashes, as in /^ok$/i",
    `hc.yaml:5:52: checks[2].password: warning: \${PASSWORD} is plain text here; write \${env:PASSWORD} for an environment variable`,
  ];
  expect(said).toEqual({ exitCodes: [0, 0], validate: warnings, explain: warnings, logged: warnings });
});

test("a script that finds the daemon's own command line passes, and the daemon says so", async () => {
  const name = `no-such-process-${crypto.randomUUID()}`;
  await using daemon = await startDaemon(["--script", `pgrep -f ${name}`]);
  expect((await daemon.ask()).status).toBe(200);
  expect(await daemon.logged("WARNING")).toContain("warning: pgrep -f also matches the command lines of the daemon");
});

test("on the command line, too, what cannot be seen is shown", async () => {
  const refusal = async (...args: readonly string[]) => (await run(args)).err.split("\n")[0];
  expect(await refusal("--port", "80\u00a0")).toContain('got "80\\u00a0" (it holds a no-break space, \\u00a0)');
  expect(await refusal("--port\u00a080")).toStartWith(
    'health-checker: "--port\\u00a080" (it holds a no-break space, \\u00a0): ',
  );
  expect(await refusal("–port", "80")).toStartWith(
    'health-checker: unexpected argument "–port" (it holds a typographic dash, \\u2013)',
  );
  expect(await refusal("--listener", "‘:5000’")).toContain("(it holds a typographic quotation mark, \\u2018 \\u2019)");
  expect(await refusal("--config", "/no/such\u200b")).toContain("cannot read /no/such\\u200b: ");
});

test("the name and the target of a check show what cannot be seen", async () => {
  const { out } = await run(["check", "--script", "true\u00a0x"]);
  expect(out).toContain("true\\u00a0x");
  expect(out).toContain("(it holds a no-break space, \\u00a0): not found in PATH");
  // What the program is called stands as it is in the reason alone.
  expect(out.replace(/spawn: .*/, "")).not.toContain("\u00a0");
});
