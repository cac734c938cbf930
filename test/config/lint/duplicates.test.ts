// A check that is given twice gets one warning, from the file or the command line; checks that differ get none.

import { expect, test } from "bun:test";
import type { RawValues } from "../../../src/config/command-line.ts";
import { loadOptions } from "../../../src/config/load.ts";
import { tempFolder } from "../../support/temp.ts";

async function warningsFor(raw: RawValues, env: Readonly<Record<string, string>> = {}): Promise<readonly string[]> {
  const options = await loadOptions(raw, env);
  if (!("listener" in options)) throw new Error(options.join("\n"));
  return options.warnings;
}

/** With `content` as the config file, which warnings call hc.yaml. */
async function warningsIn(content: string, raw: RawValues = {}, env: Readonly<Record<string, string>> = {}) {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", content);
  return (await warningsFor({ ...raw, config: [file] }, env)).map((line) => line.replaceAll(file, "hc.yaml"));
}

test.each([
  [
    { port: ["5432", "127.0.0.1:5432"] },
    "--port 5432: warning: the same check is given twice (also --port 127.0.0.1:5432)",
  ],
  [{ port: ["80", "80", "80"] }, "--port 80: warning: the same check is given 3 times (also --port 80 and --port 80)"],
  [
    { port: ["1", "80", "127.0.0.1:80", "080", "2", "80"] },
    "--port 80: warning: the same check is given 4 times (also --port 127.0.0.1:80, --port 080 and 1 more)",
  ],
  [
    { port: ["[::1]:80", "[::1]:80"] },
    "--port [::1]:80: warning: the same check is given twice (also --port [::1]:80)",
  ],
  [{ port: ["unix:/a", "unix:/a"] }, "--port unix:/a: warning: the same check is given twice (also --port unix:/a)"],
  [{ script: ["true", "true"] }, "--script true: warning: the same check is given twice (also --script true)"],
  [
    { script: [`a 'b c'`, `a "b c"`] },
    `--script "a 'b c'": warning: the same check is given twice (also --script "a \\"b c\\"")`,
  ],
  [
    { script: ["curl http://me:pw@h/\n", "curl http://me:pw@h/"] },
    '--script "curl http://***@h/\\n": warning: the same check is given twice (also --script "curl http://***@h/")',
  ],
] as const)("%j without a config file gets one warning", async (raw, warning) => {
  expect(await warningsFor(raw)).toEqual([warning]);
});

test.each([
  [{ port: ["5432", "localhost:5432", "[::1]:5432", "127.0.0.1:5433", "127.0.0.2:5432", "unix:/5432"] }],
  [{ port: ["80"], script: ["80"] }],
  [{ script: ["a b", "'a b'", "a b ''", "A b"] }],
] as const)("%j gives no check twice", async (raw) => {
  expect(await warningsFor(raw)).toEqual([]);
});

test("each check that was given twice gets its own warning", async () => {
  expect(await warningsFor({ port: ["1", "2", "1", "2"], script: ["true", "true"] })).toEqual([
    "--port 1: warning: the same check is given twice (also --port 1)",
    "--port 2: warning: the same check is given twice (also --port 2)",
    "--script true: warning: the same check is given twice (also --script true)",
  ]);
});

test("the file and the command line are compared with each other", async () => {
  expect(await warningsIn("port: 80\nscript: [/bin/a x, /bin/b]\n", { port: ["80"], script: ["/bin/b"] })).toEqual([
    "hc.yaml:1:7: port: warning: the same check is given twice (also --port 80)",
    "hc.yaml:2:20: script[1]: warning: the same check is given twice (also --script /bin/b)",
  ]);
  expect(await warningsIn("port: [80, 81]\nchecks:\n  - tcp: 80\n", { port: ["80"] })).toEqual([
    "hc.yaml:3:5: checks[0]: warning: the same check is given 3 times (also port[0] and --port 80)",
  ]);
  expect(await warningsIn("checks:\n  - script: [/bin/a, x]\n", { script: ["/bin/a x"] })).toEqual([
    'hc.yaml:2:5: checks[0]: warning: the same check is given twice (also --script "/bin/a x")',
  ]);
});

test.each([
  ["by two names", "{ name: a, tcp: 80 }", "{ name: b, tcp: 80 }"],
  ["with a default spelled out", "{ tcp: 80 }", "{ tcp: 80, timeout: 5s, severity: critical }"],
  [
    "with every setting",
    "{ tcp: 80, send: x, expect: /y/i, tls: true }",
    "{ tcp: 80, expect: /y/i, tls: true, send: x }",
  ],
  ["with a flag that is off", "{ tcp: 80, tls: false }", "{ tcp: 80 }"],
  ["as a URL in two spellings", "{ http: 'http://127.0.0.1' }", "{ http: 'http://127.0.0.1:80/', method: GET }"],
  ["of a database", "{ redis: 'redis://127.0.0.1' }", "{ redis: 'redis://127.0.0.1:6379' }"],
  ["of a program", "{ process: nginx }", "{ process: nginx }"],
  ["as a script without a name", "{ script: /bin/a }", "{ script: [/bin/a], nagios: false }"],
])("the same check %s gets a warning", async (_how, one, other) => {
  expect(await warningsIn(`checks:\n  - ${one}\n  - ${other}\n`)).toEqual([
    "hc.yaml:2:5: checks[0]: warning: the same check is given twice (also checks[1])",
  ]);
});

test.each([
  ["timeout", "{ tcp: 80 }", "{ tcp: 80, timeout: 1s }"],
  ["interval", "{ tcp: 80 }", "{ tcp: 80, interval: 1s }"],
  ["severity", "{ tcp: 80 }", "{ tcp: 80, severity: warning }"],
  ["rise", "{ tcp: 80, interval: 1s }", "{ tcp: 80, interval: 1s, rise: 2 }"],
  ["answer", "{ tcp: 80, send: x, expect: /y/ }", "{ tcp: 80, send: x, expect: /y/i }"],
  ["text", "{ tcp: 80, send: x }", "{ tcp: 80, send: y }"],
  ["header", "{ http: 'http://127.0.0.1/', headers: { a: b } }", "{ http: 'http://127.0.0.1/', headers: { a: c } }"],
  ["path", "{ http: 'http://127.0.0.1/a' }", "{ http: 'http://127.0.0.1/b' }"],
  ["password", "{ http: 'http://a:b@127.0.0.1/' }", "{ http: 'http://a:c@127.0.0.1/' }"],
  ["kind", "{ tcp: 80 }", "{ grpc: 80 }"],
  ["folder", "{ script: a }", "{ script: a, cwd: / }"],
  ["variable", "{ script: a, env: { A: b } }", "{ script: a, env: { A: c } }"],
])("checks with different %s differ", async (_what, one, other) => {
  expect(await warningsIn(`checks:\n  - ${one}\n  - ${other}\n`)).toEqual([]);
});

test("scripts with different names differ, since a script gets the name in its environment", async () => {
  expect(await warningsIn("checks:\n  - { name: a, script: x }\n  - { name: b, script: x }\n  - script: x\n")).toEqual(
    [],
  );
});

test("the timeout options count", async () => {
  const content = "port-timeout: 3s\nport: 80\nchecks: [{ tcp: 80, timeout: 3s }]\n";
  expect(await warningsIn(content)).toHaveLength(1);
  expect(await warningsIn(content, { "port-timeout": ["4s"] })).toEqual([]);
});

test("a secret of the file is not shown", async () => {
  const content = `checks: [{ http: "http://127.0.0.1/", headers: { a: "\${env:PW}" } }]\n`;
  const [warning] = await warningsIn(content, { script: ["x s3cretvalue", "x s3cretvalue"] }, { PW: "s3cretvalue" });
  expect(warning).toBe('--script "x ***": warning: the same check is given twice (also --script "x ***")');
  // Its beginning does not show either if the text is cut within it.
  const long = `${"x ".repeat(26)}s3cretvalue`;
  expect((await warningsIn(content, { script: [long, long] }, { PW: "s3cretvalue" })).join()).not.toContain("s3c");
});

test("5,000 checks of one target are not compared one by one, which takes longer than a test may", async () => {
  const checks = Array.from({ length: 5000 }, (_, index) => ({ tcp: 80, expect: `a${index}` }));
  expect(await warningsIn(JSON.stringify({ checks }))).toEqual([]);
});
