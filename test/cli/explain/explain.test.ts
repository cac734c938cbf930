// explain prints what the daemon would do, and what already looks wrong. It runs no check.

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { problemsOf, runCommand } from "../../support/command.ts";
import { tempFolder } from "../../support/temp.ts";

async function explain(...argv: readonly string[]): Promise<string> {
  const { out, err, status } = await runCommand(["explain", ...argv], { PATH: "/usr/bin:/bin", PW: "s3cretvalue" });
  expect({ err, status }).toEqual({ err: [], status: 0 });
  return out;
}

test("explain prints each check with its timing and what is wrong with it", async () => {
  await using folder = await tempFolder();
  const ran = `${folder.path}/ran`;
  const plain = await folder.write("plain.sh", "#!/bin/sh\n", 0o644);
  const file = await folder.write(
    "hc.yaml",
    JSON.stringify({
      listener: "127.0.0.1:6000",
      interval: "10s",
      "failure-status": 503,
      defaults: { timeout: "2s" },
      checks: [
        { name: "database", tcp: 5432, fall: 2, rise: 3 },
        { name: "touch", script: ["touch", ran] },
        { name: "plain", script: [plain] },
        { name: "gone", http: "http://no-such-name.invalid/" },
        { name: "quiet", script: ["sh", "-c", `echo \${env:PW}`], severity: "warning" },
        { name: "lag", tcp: 5433, severity: "warning", timeout: "3s" },
        { name: "replica", tcp: 5434, severity: "endpoint" },
      ],
      endpoints: { "/db": ["database"], "/replica": ["replica", "lag"], "/fresh": ["lag"] },
    }),
  );
  const text = await explain("--config", file);
  const lines = text.split("\n");
  expect(lines[0]).toBe(
    "The daemon would listen on 127.0.0.1:6000 and answer 200 while the host is healthy, else 503.",
  );
  expect(lines.slice(1, 4)).toEqual([
    "The answer of /db depends only on database.",
    "The answer of /replica depends only on replica, lag.",
    "The answer of /fresh depends only on lag.",
  ]);
  expect(lines[4]).toStartWith(
    `Checks and scripts would run like this command: as ${Bun.spawnSync(["id", "-un"]).stdout.toString().trim()} (uid ${process.getuid?.()}), in `,
  );
  const about = (name: string) => lines.slice(lines.findIndex((line) => line.startsWith(`  ${name}: `))).slice(1, 3);
  expect(about("database")[0]).toBe(
    "    timeout 2s, every 10s in the background, up after 3 passes in a row, down after 2 failures in a row",
  );
  expect(about("plain")[1]).toBe(`    problem: ${plain} is not executable; try chmod +x ${plain}`);
  expect(about("gone")[1]).toMatch(/^ {4}problem: .*no-such-name\.invalid/);
  expect(about("touch")[1]).not.toContain("problem:");
  expect(about("quiet")[0]).toBe("    timeout 2s, every 10s in the background, severity warning: decides nothing");
  expect(about("lag")[0]).toEndWith(", severity warning: decides only /replica, /fresh");
  expect(about("replica")[0]).toEndWith(", severity endpoint: decides only /replica");
  expect(text).toContain(`
  /db: at once, from the latest results; the daemon detects a failure of database within 22 s
  /replica: at once, from the latest results; the daemon detects a failure of lag within 13 s
  /fresh: at once, from the latest results; the daemon detects a failure of lag within 13 s
`);
  expect(text).toContain(`
  at once, from the latest results
  within 4.5 s until the first results
  kubelet waits 1 s by default: in time after the first results
  HAProxy waits 2 s by default: in time after the first results
  AWS ALB waits 5 s by default: in time
  AWS NLB waits 6 s by default: in time
`);
  expect(text).toContain("\n  the daemon detects a failure of database within 22 s\n");
  expect(text).toContain("needs 2 failures detects a failure within 82 s");
  expect(text).toMatch(
    /\nWarnings:\n {2}\S+hc\.yaml:1:\d+: checks\[3\]\.http: warning: a critical check of another host/,
  );
  expect(text).not.toContain("s3cretvalue");
  expect(existsSync(ran)).toBe(false);
}, 30_000);

test("explain compares the time of an answer with how long each load balancer waits", async () => {
  const text = await explain("--port", "80", "--port-timeout", "1500ms");
  expect(text).toContain("\nChecks:\n  tcp 127.0.0.1:80:\n    timeout 1s500ms, on request\n");
  expect(text.slice(text.indexOf("Answers:"))).toBe(
    [
      "Answers:",
      "  within 1.55 s in the worst case",
      "  within 3.1 s if more than 16 requests arrive at once",
      "  kubelet waits 1 s by default: too late in the worst case; raise that timeout, or set --deadline below it",
      "  HAProxy waits 2 s by default: in time",
      "  AWS ALB waits 5 s by default: in time",
      "  AWS NLB waits 6 s by default: in time",
      "  a load balancer that probes every 30 s and needs 2 failures detects a failure within 61.55 s",
    ].join("\n"),
  );
});

test("with a longer timeout there is no default deadline, which is a warning; --deadline wins", async () => {
  const slow = ["--script", "sleep 6", "--script-timeout", "10"];
  const text = await explain(...slow);
  expect(text).toContain("\n  within 10.05 s in the worst case\n");
  expect(text).toContain(
    "\n  AWS ALB waits 5 s by default: too late in the worst case; raise that timeout, or set --deadline below it\n",
  );
  expect(text).toEndWith(`
Warnings:
  warning: a response may take 10s (the timeout of script sleep 6); by default these time out first: kubelet after 1s, HAProxy after 2s, AWS ALB after 5s, AWS NLB after 6s; --deadline 4500ms answers before an ALB times out`);
  for (const options of [
    [...slow, "--deadline", "8s"],
    ["--script", "sleep 6"],
    ["--script", "sleep 6", "--script-timeout", "5"],
  ]) {
    expect(await explain(...options)).not.toContain("Warnings:");
  }
});

test("an endpoint with a long timeout has no default deadline, and the host keeps its own", async () => {
  await using folder = await tempFolder();
  const checks = [{ tcp: 5432 }, { name: "lag", tcp: 5434, timeout: "10s", severity: "endpoint" }];
  const config = await folder.write("hc.yaml", JSON.stringify({ checks, endpoints: { "/fresh": ["lag"] } }));
  const text = await explain("--config", config);
  expect(text).toContain("\nAnswers:\n  within 4.5 s in the worst case\n");
  expect(text).toContain(
    "\n  /fresh: within 10.05 s; too late in the worst case for kubelet, HAProxy, AWS ALB, AWS NLB\n",
  );
  expect(text).toContain(
    "\n  warning: a response for /fresh may take 10s (the timeout of lag); by default these time out first: ",
  );
});

test("on request an endpoint waits for all its checks, whatever their severity", async () => {
  await using folder = await tempFolder();
  const checks = [
    { name: "database", tcp: 5432, timeout: "500ms" },
    { name: "replica", tcp: 5433, timeout: "1500ms", severity: "endpoint" },
    { name: "lag", tcp: 5434, timeout: "5s", severity: "warning" },
  ];
  const endpoints = { "/db": ["database"], "/replica": ["database", "replica"], "/fresh": ["replica", "lag"] };
  const text = await explain("--config", await folder.write("hc.yaml", JSON.stringify({ checks, endpoints })));
  expect(text.slice(text.indexOf("Answers:")).split("\n")).toEqual([
    "Answers:",
    "  within 0.55 s in the worst case",
    ...Array(5).fill(expect.anything()),
    "  a load balancer that probes every 30 s and needs 2 failures detects a failure within 60.55 s",
    "  /db: within 0.55 s",
    "  /replica: within 1.55 s; too late in the worst case for kubelet",
    "  /fresh: within 4.5 s; too late in the worst case for kubelet, HAProxy",
  ]);
});

test("--strict fails for a problem or a warning, and prints the same", async () => {
  await using folder = await tempFolder();
  const shared = await folder.write("hc.yaml", "checks: [{ tcp: db.internal.invalid:5432, severity: warning }]\n");
  for (const [words, status] of [
    [["--port", "80"], 0],
    // A load balancer that may give up first is neither.
    [["--port", "80", "--port-timeout", "1500ms"], 0],
    [["--port", "80", "--port", "80"], 1],
    [["--script", "/nowhere/at/all"], 1],
    [["--config", shared, "--port", "80"], 1],
  ] as const) {
    const plain = await runCommand(["explain", ...words]);
    expect(plain).toMatchObject({ status: 0, err: [] });
    expect({ words, ...(await runCommand(["explain", "--strict", ...words])) }).toEqual({ words, ...plain, status });
  }
});

test("wrong options are refused as the daemon refuses them", async () => {
  expect(await problemsOf(["explain", "--port", "0"])).toHaveLength(1);
  expect(await problemsOf(["explain", "--port", "80", "--strict=maybe"])).toEqual([
    'health-checker: --strict: expected true or false, got "maybe"',
  ]);
  expect(await problemsOf(["explain"])).toEqual([expect.stringContaining("nothing to check: ")]);
  const help = await explain("--help");
  expect(help).toContain("Usage: health-checker explain [--strict] [DAEMON OPTIONS]");
  expect(help.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("a secret from the environment does not show in a problem", async () => {
  await using folder = await tempFolder();
  const checks = [
    { name: "a", http: "https://127.0.0.1/", tls: { ca: `/nowhere/\${env:PW}` } },
    { name: "b", tcp: `\${env:PW}:80` },
  ];
  const text = await explain("--config", await folder.write("hc.yaml", JSON.stringify({ checks })));
  expect(text).toContain("\n    problem: /nowhere/*** does not exist: the folder /nowhere does not exist\n");
  expect(text).toMatch(/\n {4}problem: .*\*\*\*/);
  expect(text).not.toContain("s3cretvalue");
}, 30_000);
