// validate tells all that is wrong with a file, and what is unwise; schema describes one.

import { expect, test } from "bun:test";
import type { Action } from "../../src/cli/action.ts";
import { decide } from "../../src/cli/decide.ts";
import { tempFolder } from "../support/temp.ts";

const GOOD = "checks:\n  - tcp: 80\n";

async function validate(content: string, ...more: readonly string[]) {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", content);
  const action = await decide(["validate", file, ...more], { PW: "s3cret" });
  return JSON.parse(JSON.stringify(action).replaceAll(file, "hc.yaml"));
}

test("a good file is said to be good", async () => {
  expect(await validate(GOOD)).toEqual({ kind: "print", text: "hc.yaml: good, 1 check", cautions: [] });
});

test("options count as they would for the daemon", async () => {
  expect(await validate(GOOD, "--port", "81", "--script", "true")).toMatchObject({ text: "hc.yaml: good, 3 checks" });
  expect(await validate("listener: :5000\n", "--port", "81")).toMatchObject({ text: "hc.yaml: good, 1 check" });
  expect(await validate("checks:\n  - { tcp: 80, rise: 2 }\n", "--interval", "5s")).toMatchObject({ kind: "print" });
  expect(await validate(GOOD, "--prot", "81")).toEqual({
    kind: "refuse",
    lines: ["health-checker: --prot: unknown option; did you mean --port?"],
  });
});

test("the file may be given by its option too", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", GOOD);
  expect(await decide(["validate", "--config", file], {})).toMatchObject({ text: `${file}: good, 1 check` });
});

test("a file beside --config is a second one, and both are named", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "checks:\n  - tcp: 0\n");
  const expected = "expected a port from 1 to 65535, HOST:PORT, [V6]:PORT or unix:/PATH";
  expect(await decide(["validate", "other.yaml", "--config", file], {})).toEqual({
    kind: "refuse",
    lines: [
      `health-checker: --config: expected once, got "other.yaml" and ${JSON.stringify(file)}`,
      `${file}:2:10: checks[0].tcp: ${expected}, got 0`,
    ],
  });
});

test("without a file there is nothing to validate", async () => {
  const refusal: Action = { kind: "refuse", lines: ["health-checker: validate: expected a config file, got none"] };
  expect(await decide(["validate"], {})).toEqual(refusal);
  expect(await decide(["validate", "--port", "80"], {})).toEqual(refusal);
});

test("what is unwise is told, and the file is good all the same", async () => {
  const content = [
    "checks:",
    "  - { name: shared, tcp: db.internal:5432 }",
    "  - { name: reported, tcp: db.internal:5432, severity: warning }",
    "  - { name: own, tcp: localhost:80 }",
    "endpoints:",
    "  /good: [own, reported]",
    "  /always: [reported]",
    "",
  ].join("\n");
  expect(await validate(content)).toEqual({
    kind: "print",
    text: "hc.yaml: good, 3 checks",
    cautions: [
      "hc.yaml:2:26: checks[0].tcp: warning: a critical check of another host: when that is down, every host that checks it is unhealthy at once; set severity: warning unless it serves this host alone",
      "hc.yaml:7:3: endpoints./always: warning: none of its checks is critical, so its answer is always 200",
    ],
  });
});

test("a port counts as a check does, wherever it is given", async () => {
  const shared =
    "warning: a critical check of another host: when that is down, every host that checks it is unhealthy at once; set severity: warning unless it serves this host alone";
  expect(await validate("port: db.internal:1\n", "--port", "80", "--port", "db.internal:2")).toMatchObject({
    cautions: [`hc.yaml:1:7: port: ${shared}`, `--port db.internal:2: ${shared}`],
  });
  expect(await validate("script: /bin/true\nport:\n  - 80\n  - db.internal:1\n")).toMatchObject({
    cautions: [`hc.yaml:4:5: port[1]: ${shared}`],
  });
  expect(await validate("defaults: { severity: warning }\nport: db.internal:1\nchecks: [{ tcp: 80 }]\n")).toMatchObject(
    {
      cautions: [expect.stringContaining("no check is critical")],
    },
  );
});

test("the same check twice is reported, in the file or beside it", async () => {
  const content = "checks:\n  - { name: a, tcp: 80 }\n  - { name: b, tcp: 80 }\n";
  expect(await validate(content, "--port", "81", "--port", "127.0.0.1:81")).toEqual({
    kind: "print",
    text: "hc.yaml: good, 4 checks",
    cautions: [
      "hc.yaml:2:5: checks[0]: warning: the same check twice (also checks[1])",
      "--port 81: warning: the same check twice (also --port 127.0.0.1:81)",
    ],
  });
});

test("a host on which nothing is critical is never unhealthy, which is told", async () => {
  expect(await validate("defaults: { severity: warning }\nchecks:\n  - tcp: 80\n")).toEqual({
    kind: "print",
    text: "hc.yaml: good, 1 check",
    cautions: ["hc.yaml:2:1: checks: warning: no check is critical, so the answer is always 200"],
  });
  expect(await validate("defaults: { severity: warning }\nchecks:\n  - { tcp: 80, severity: critical }\n")).toEqual({
    kind: "print",
    text: "hc.yaml: good, 1 check",
    cautions: [],
  });
});

test("what a kind thinks unwise is told of critical checks alone", async () => {
  const insecure = "http: https://127.0.0.1:8443/, tls: { verify: false }";
  expect(await validate(`checks:\n  - { ${insecure} }\n`)).toMatchObject({
    cautions: [expect.stringMatching(/^hc\.yaml:2:5: checks\[0\]: warning: the certificate is not verified/)],
  });
  expect(await validate(`checks:\n  - tcp: 80\n  - { ${insecure}, severity: warning }\n`)).toMatchObject({
    cautions: [],
  });
});

test("its help is its own", async () => {
  const action = await decide(["validate", "--help"], {});
  if (action.kind !== "print") throw new Error(JSON.stringify(action));
  expect(action.text).toContain("Usage: health-checker validate FILE [options of the daemon]");
  expect(action.text).toContain(`\${file:/PATH}`);
  expect(action.text.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("schema prints a JSON Schema, and takes nothing", async () => {
  const action = await decide(["schema"], {});
  expect(action.kind === "print" && JSON.parse(action.text)).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
  });
  expect(await decide(["schema", "--help"], {})).toMatchObject({
    kind: "print",
    text: expect.stringContaining("Usage:"),
  });
  expect(await decide(["schema", "x"], {})).toEqual({
    kind: "refuse",
    lines: ['health-checker: schema: expected nothing after it, got "x"'],
  });
});
