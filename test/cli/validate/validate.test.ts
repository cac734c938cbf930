// validate reports every problem of a file, and warns of what is risky.

import { describe, expect, test } from "bun:test";
import { fileRefusal, type Printed, printed, refusal, runCommand } from "../../support/command.ts";
import { tempFolder } from "../../support/temp.ts";

const GOOD = "checks:\n  - tcp: 80\n";

async function validate(content: string, ...more: readonly string[]): Promise<Printed> {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", content);
  const result = await runCommand(["validate", file, ...more], { PW: "s3cret" });
  return JSON.parse(JSON.stringify(result).replaceAll(file, "hc.yaml"));
}

test("a good file is reported as good", async () => {
  expect(await validate(GOOD)).toEqual(printed("hc.yaml: valid, 1 check"));
});

test("options count as they do for the daemon", async () => {
  expect(await validate(GOOD, "--port", "81", "--script", "true")).toMatchObject({
    status: 0,
    out: "hc.yaml: valid, 3 checks",
  });
  expect(await validate("listener: :5000\n", "--port", "81")).toMatchObject({
    status: 0,
    out: "hc.yaml: valid, 1 check",
  });
  expect(await validate("checks:\n  - { tcp: 80, rise: 2 }\n", "--interval", "5s")).toMatchObject({ status: 0 });
  expect(await validate(GOOD, "--prot", "81")).toEqual(
    refusal(["health-checker: --prot: unknown option; did you mean --port?"]),
  );
});

test("the help is named only if the command line is wrong, not for an error in the file", async () => {
  const problem = expect.stringMatching(/^hc\.yaml:1:12: listener: expected /);
  expect(await validate("listener:  5\nchecks: [{ tcp: 80 }]\n")).toEqual(fileRefusal([problem]));
  expect(await runCommand(["validate", "/nowhere/hc.yaml"])).toEqual(
    fileRefusal(["health-checker: cannot read /nowhere/hc.yaml: no such file"]),
  );
  expect(await validate("listener:  5\nchecks: [{ tcp: 80 }]\n", "--port", "0")).toMatchObject({
    err: [expect.stringContaining("--port: expected "), problem, "Try 'health-checker --help'."],
  });
});

test("warnings are in the order of the file, whatever they are about", async () => {
  const content = [
    "endpoints: { /reported: [reported] }",
    "checks:",
    "  - { name: reported, tcp: 81, timeout: 5000, severity: warning, interval: 10s }",
    "  - { name: shared, tcp: db.internal:5432 }",
    "  - { name: same, tcp: db.internal:5432 }",
    "  - { name: piped, script: ps | grep x }",
    "",
  ].join("\n");
  const { err } = await validate(content);
  const lines = err.map((line) => Number(/^hc\.yaml:(\d+):/.exec(line)?.[1]));
  expect(new Set(lines).size).toBeGreaterThan(2);
  expect(lines).toEqual(lines.toSorted((one, other) => one - other));
});

test("the file may be given by --config too", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", GOOD);
  expect(await runCommand(["validate", "--config", file])).toMatchObject({ status: 0, out: `${file}: valid, 1 check` });
});

test("a file beside --config is a second one, and both are named", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "checks:\n  - tcp: 0\n");
  const expected = "expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH";
  expect(await runCommand(["validate", "other.yaml", "--config", file])).toEqual(
    refusal([
      `health-checker: --config: expected once, got "other.yaml" and ${JSON.stringify(file)}`,
      `${file}:2:10: checks[0].tcp: ${expected}, got 0`,
    ]),
  );
});

test("without a file there is nothing to validate", async () => {
  const refused = refusal(["health-checker: validate: no config file given; usage: health-checker validate FILE"]);
  expect(await runCommand(["validate"])).toEqual(refused);
  expect(await runCommand(["validate", "--port", "80"])).toEqual(refused);
});

test("the problems of a file that is no config file do not print it", async () => {
  const lines = async (content: string) => (await validate(content)).err;
  const times = (count: number, line: (index: number) => string) => Array.from({ length: count }, (_, i) => line(i));
  const many = await lines(times(2000, (i) => `secret_${i}: hunter${i}\n`).join(""));
  expect(many.slice(0, 3).map((line) => line.replace(/; known keys: .*/, ""))).toEqual(
    times(3, (i) => `hc.yaml:${i + 1}:1: secret_${i}: unknown key`),
  );
  expect(many.slice(3)).toEqual(["hc.yaml: and 1997 more unknown keys or items"]);

  const spread = [
    "secret_0: 1",
    "defaults: { secret_1: 1 }",
    "checks:",
    "  - secret_2",
    "  - { secret_3: 1 }",
    "  - 123456",
    "  - { tcp: 80, secret_4: 1, timeuot: 1s }",
    "",
  ].join("\n");
  const shown = (await lines(spread)).join("\n");
  expect(new Set(shown.match(/secret_\d|123456/g))).toHaveProperty("size", 3);
  expect(shown).toContain('did you mean "timeout"?');
  expect(shown).toEndWith("hc.yaml: and 3 more unknown keys or items");

  for (const text of [
    "hunter2\n",
    "root:hunter2:0\ndaemon:hunter2:1\n",
    "PASSWORD=hunter2\n",
    "-----BEGIN-----\nhunter2\n",
  ]) {
    expect(await lines(text)).toEqual(["hc.yaml:1:1: expected a mapping of options and checks, got a text"]);
  }
});

test("three unknown keys are all shown, and none is only counted", async () => {
  const { status, err } = await validate("one_x: 1\ntwo_x: 1\nthree_x: 1\nchecks:\n  - tcp: 80\n  -\n");
  expect(status).toBe(2);
  expect(err).toHaveLength(4);
  expect(err.at(-1)).toContain("got nothing");
});

test("a risky file gets a warning, and is still good", async () => {
  const content = [
    "checks:",
    "  - { name: shared, tcp: db.internal:5432 }",
    "  - { name: reported, tcp: db.internal:5432, severity: warning }",
    "  - { name: own, tcp: localhost:80 }",
    "endpoints:",
    "  /good: [own, reported]",
    "  /reported: [reported]",
    "",
  ].join("\n");
  expect(await validate(content)).toEqual(
    printed("hc.yaml: valid, 3 checks", [
      "hc.yaml:2:26: checks[0].tcp: warning: a critical check of another host: when that host is down, every host that checks it is unhealthy at once; set severity: warning unless only this host uses it",
    ]),
  );
});

test("a port counts as a check, in the file and on the command line", async () => {
  const shared =
    "warning: a critical check of another host: when that host is down, every host that checks it is unhealthy at once; set severity: warning unless only this host uses it";
  expect(await validate("port: db.internal:1\n", "--port", "80", "--port", "db.internal:2")).toMatchObject({
    status: 0,
    err: [`--port db.internal:2: ${shared}`, `hc.yaml:1:7: port: ${shared}`],
  });
  expect(await validate("script: /bin/true\nport:\n  - 80\n  - db.internal:1\n")).toMatchObject({
    status: 0,
    err: [`hc.yaml:4:5: port[1]: ${shared}`],
  });
  expect(await validate("defaults: { severity: warning }\nport: db.internal:1\nchecks: [{ tcp: 80 }]\n")).toMatchObject(
    {
      status: 0,
      err: [expect.stringContaining("no check is critical")],
    },
  );
});

test("the same check twice gets a warning, in the file and on the command line", async () => {
  const content = "checks:\n  - { name: a, tcp: 80 }\n  - { name: b, tcp: 80 }\n";
  expect(await validate(content, "--port", "81", "--port", "127.0.0.1:81")).toEqual(
    printed("hc.yaml: valid, 4 checks", [
      "--port 81: warning: the same check is given twice (also --port 127.0.0.1:81)",
      "hc.yaml:2:5: checks[0]: warning: the same check is given twice (also checks[1])",
    ]),
  );
});

test("a host without a critical check gets a warning: it is never unhealthy", async () => {
  expect(await validate("defaults: { severity: warning }\nchecks:\n  - tcp: 80\n")).toEqual(
    printed("hc.yaml: valid, 1 check", [
      "hc.yaml:2:1: checks: warning: no check is critical, so the answer for the host (/) is always 200",
    ]),
  );
  expect(await validate("defaults: { severity: warning }\nchecks:\n  - { tcp: 80, severity: critical }\n")).toEqual(
    printed("hc.yaml: valid, 1 check"),
  );
});

test("a check of severity endpoint that no endpoint names gets a warning: it decides nothing", async () => {
  const unnamed = "warning: severity is endpoint but no endpoint names this check, so it has no effect on any answer";
  const content = [
    "script: /bin/true",
    "defaults: { severity: endpoint }",
    "checks:",
    "  - { name: host, tcp: 80, severity: critical }",
    "  - { name: replica, tcp: db.internal:5432 }",
    "  - { name: primary, tcp: 5432 }",
    "endpoints: { /replica: [replica] }",
    "",
  ].join("\n");
  expect(await validate(content, "--port", "81")).toEqual(
    printed("hc.yaml: valid, 5 checks", [
      `tcp 127.0.0.1:81: ${unnamed}`,
      `hc.yaml:1:9: script: ${unnamed}`,
      `hc.yaml:6:5: checks[2]: ${unnamed}`,
    ]),
  );
});

test("a host with only checks of severity endpoint gets a warning: it is never unhealthy", async () => {
  const content = "checks:\n  - { name: primary, tcp: 5432, severity: endpoint }\nendpoints: { /primary: [primary] }\n";
  expect(await validate(content)).toMatchObject({
    status: 0,
    err: ["hc.yaml:1:1: checks: warning: no check is critical, so the answer for the host (/) is always 200"],
  });
});

test("a kind warns only of its critical checks", async () => {
  const insecure = "http: https://127.0.0.1:8443/, tls: { verify: false }";
  expect(await validate(`checks:\n  - { ${insecure} }\n`)).toMatchObject({
    status: 0,
    err: [expect.stringMatching(/^hc\.yaml:2:5: checks\[0\]: warning: the certificate is not verified/)],
  });
  expect(await validate(`checks:\n  - tcp: 80\n  - { ${insecure}, severity: warning }\n`)).toMatchObject({
    status: 0,
    err: [],
  });
});

test("validate has its own help", async () => {
  const { status, out } = await runCommand(["validate", "--help"]);
  expect(status).toBe(0);
  expect(out).toContain("Usage: health-checker validate FILE [DAEMON OPTIONS]");
  expect(out).toContain(`\${file:/PATH}`);
  expect(out.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

describe("a warning of an expect that gets only the first column", () => {
  const POSTGRES = "postgres://u@127.0.0.1/app";
  const POOLER = "postgres://u@127.0.0.1/pgbouncer";
  const warningsOf = async (kind: "mysql" | "postgres", query: string, more = "expect: 'on'", url = POSTGRES) => {
    const target = kind === "mysql" ? "mysql://u@127.0.0.1" : url;
    const check = `{ ${kind}: "${target}", severity: warning, query: ${JSON.stringify(query)}, ${more} }`;
    const { status, err } = await validate(`checks:\n  - tcp: 1\n  - ${check}\n`);
    expect(status).toBe(0);
    return err;
  };
  const warned = (statement: string) => [
    `hc.yaml:3:5: checks[1]: warning: expect checks the first column, but ${statement} returns the value in another column: set column to its name or its number`,
  ];

  test.each([
    ["SHOW VARIABLES LIKE 'read_only'", "SHOW VARIABLES"],
    ["show global status like 'wsrep_ready'", "SHOW GLOBAL STATUS"],
    ["/* of the cluster */ SHOW\n  STATUS LIKE 'wsrep_ready'", "SHOW STATUS"],
    ["-- of the cluster\nSHOW SESSION VARIABLES", "SHOW SESSION VARIABLES"],
    ["SHOW REPLICA STATUS", "SHOW REPLICA STATUS"],
    ["SHOW ALL SLAVES STATUS", "SHOW ALL SLAVES STATUS"],
    ["SHOW FULL PROCESSLIST", "SHOW FULL PROCESSLIST"],
    ["SHOW PLUGINS", "SHOW PLUGINS"],
    ["CHECK TABLE app.users", "CHECK TABLE"],
    ["SELECT 1; SHOW VARIABLES LIKE 'a'", "SHOW VARIABLES"],
    ["SET NAMES 'a;b'; -- then\nSHOW STATUS;\n", "SHOW STATUS"],
    ["EXPLAIN SELECT 1", "EXPLAIN"],
  ])("mysql: %s", async (query, statement) => {
    expect(await warningsOf("mysql", query)).toEqual(warned(statement));
  });

  test.each([
    "SHOW TABLES LIKE 'on%'",
    "SHOW FULL TABLES",
    "SHOW DATABASES",
    "SHOW GRANTS",
    "SHOW COUNT(*) WARNINGS",
    "SELECT 'SHOW VARIABLES'",
    "SELECT @@read_only",
    "SHOW VARIABLES; SELECT 1",
    "SELECT 1 /* ; SHOW VARIABLES */",
    "SELECT '; SHOW VARIABLES'",
    "EXPLAIN FORMAT=JSON SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
  ])("mysql, no warning of: %s", async (query) => {
    expect(await warningsOf("mysql", query)).toEqual([]);
  });

  test("postgres: all settings, and the tables of a pooler", async () => {
    expect(await warningsOf("postgres", "SHOW ALL")).toEqual(warned("SHOW ALL"));
    expect(await warningsOf("postgres", "SELECT 1; SHOW ALL")).toEqual(warned("SHOW ALL"));
    expect(await warningsOf("postgres", "SHOW transaction_read_only")).toEqual([]);
    expect(await warningsOf("postgres", "show pools", undefined, POOLER)).toEqual(warned("SHOW POOLS"));
    expect(await warningsOf("postgres", "SHOW VERSION", undefined, POOLER)).toEqual([]);
  });

  test("no warning with a column, nor without expect", async () => {
    expect(await warningsOf("mysql", "SHOW VARIABLES", "expect: 'on', column: Value")).toEqual([]);
    expect(await warningsOf("mysql", "SHOW VARIABLES", "column: 2, expect: 'on'")).toEqual([]);
    expect(await warningsOf("mysql", "SHOW VARIABLES", "timeout: 2s")).toEqual([]);
  });
});
