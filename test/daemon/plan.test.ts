// A check that has not changed since the previous plan is the same object, whatever its kind. A check that has changed
// in any way is another object, and replaces the one of its name and kind.

import { expect, test } from "bun:test";
import { rm } from "node:fs/promises";
import { buildCheck } from "../../src/checks/build.ts";
import { KINDS } from "../../src/checks/kinds.ts";
import { loadOptions, type Options } from "../../src/config/load.ts";
import { createPlan, type PlanChange } from "../../src/daemon/plan.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { NO_CHANGE } from "./no-change.ts";

const build = (config: Options["checks"][number]) => buildCheck(config, { env: {}, onOrphan() {} });

async function load(file: string, env: Readonly<Record<string, string>> = {}): Promise<Options> {
  const options = await loadOptions({ config: [file] }, env);
  if (!("listener" in options)) throw new Error(options.join("\n"));
  return options;
}

const GOOD = "test/testdata/config/good";

test("when a file is read again every check of every kind is kept", async () => {
  const kinds = new Set<string>();
  for (const name of ["kinds", "numbers", "readme", "aliases"]) {
    const before = createPlan(await load(`${GOOD}/${name}.yaml`), build);
    const after = createPlan(await load(`${GOOD}/${name}.yaml`), build, before);
    expect(after.checks).toHaveLength(before.checks.length);
    after.checks.forEach((check, index) => {
      expect(check).toBe(before.checks[index] as typeof check);
    });
    expect(after.change).toEqual({ ...NO_CHANGE, kept: before.checks.length });
    for (const { kind } of after.checks) kinds.add(kind);
  }
  expect([...kinds].sort()).toEqual(Object.keys(KINDS).sort());
});

/** A check, and the same check with one thing changed. */
const CHANGES: readonly (readonly [string, string])[] = [
  ["tcp: 80", "tcp: 81"],
  ["tcp: 80", "tcp: localhost:80"],
  ["tcp: 80", "tcp: 80, timeout: 4s"],
  ["tcp: 80", "tcp: 80, severity: warning"],
  ["tcp: 80", "tcp: 80, interval: 5s"],
  ["tcp: 80, interval: 5s", "tcp: 80, interval: 6s"],
  ["tcp: 80, interval: 5s", "tcp: 80, interval: 5s, rise: 2"],
  ["tcp: 80, interval: 5s", "tcp: 80, interval: 5s, fall: 2"],
  ["tcp: 80, interval: 5s", "tcp: 80, interval: 5s, stale-after: 1h"],
  ["tcp: 80, send: a, expect: b", "tcp: 80, send: a, expect: c"],
  ["tcp: 80, send: a, expect: /b/", "tcp: 80, send: a, expect: /b/i"],
  ["tcp: 80, send: a, expect: /b/", "tcp: 80, send: a, expect: /c/"],
  ["tcp: 80, send: a, expect: b", "tcp: 80, send: b, expect: b"],
  ["http: 'http://localhost:80/'", "http: 'http://localhost:80/x'"],
  ["http: 'http://localhost:80/'", "http: 'https://localhost:80/'"],
  ["http: 'http://localhost:80/', headers: { A: b }", "http: 'http://localhost:80/', headers: { A: c }"],
  ["http: 'http://localhost:80/', status: 200", "http: 'http://localhost:80/', status: [200, 204]"],
  ["script: [a, b]", "script: [a, c]"],
  ["script: [a]", "script: [a], env: { B: c }"],
  ["script: [a], env: { B: c }", "script: [a], env: { B: d }"],
  ["script: [a]", "script: [a], cwd: /tmp"],
  ["tcp: 80", "udp: 80, send: x"],
];

test("any change makes a new check, which replaces the previous one if the kind is the same", async () => {
  await using folder = await tempFolder();
  for (const pair of CHANGES) {
    const [one, other] = await Promise.all(
      pair.map(async (keys, index) => load(await folder.write(`${index}.yaml`, `checks: [{ name: it, ${keys} }]`))),
    );
    if (!one || !other) throw new Error("nothing loaded");
    const before = createPlan(one, build);
    const { checks, change } = createPlan(other, build, before);
    expect({ pair, kept: change.kept }).toEqual({ pair, kept: 0 });
    const [now, old] = [checks[0] as (typeof checks)[number], before.checks[0] as (typeof checks)[number]];
    expect(change).toEqual(
      now.kind === old.kind
        ? { ...NO_CHANGE, changed: new Map([[now, old]]), sameProbe: change.sameProbe }
        : { ...NO_CHANGE, kindChanged: checks },
    );
  }
});

/** The change from the plan of the first file to that of the second. */
async function change(folder: TempFolder, ...contents: readonly [string, string]): Promise<PlanChange> {
  const [one, other] = contents;
  const before = createPlan(await load(await folder.write("config.yaml", one)), build);
  return createPlan(await load(await folder.write("config.yaml", other)), build, before).change;
}

test.each([
  [
    "rise, fall and intervals",
    "tcp: 80, interval: 5s",
    "tcp: 80, interval: 6s, rise: 3, fall: 9, stale-after: 1h",
    true,
  ],
  ["severity", "tcp: 80", "tcp: 80, severity: warning", true],
  ["the timeout", "tcp: 80", "tcp: 80, timeout: 4s", false],
  ["the target", "tcp: 80, interval: 5s", "tcp: 81, interval: 5s, fall: 2", false],
] as const)("whether a check has the same probe after a change of %s", async (_, one, other, isSame) => {
  await using folder = await tempFolder();
  const file = (keys: string) => `checks: [{ name: it, ${keys} }]`;
  const { changed, sameProbe } = await change(folder, file(one), file(other));
  expect([...sameProbe]).toEqual(isSame ? [...changed.keys()] : []);
});

test("options and endpoints that have changed are listed, without options that need a restart", async () => {
  await using folder = await tempFolder();
  const file = (rest: string) => `
checks: [{ name: a, tcp: 80 }, { name: b, tcp: 81 }]
${rest}`;
  const one = file(`
failure-status: 503
endpoints: { /same: [a, b], /other: [a], /gone: [a] }`);
  const other = file(`
deadline: 2s
log-level: debug
log-format: json
listener: 127.0.0.1:1
endpoints: { /same: [b, a], /new: [a], /other: [b] }`);
  expect(await change(folder, one, other)).toEqual({
    ...NO_CHANGE,
    kept: 2,
    options: ["deadline", "failure-status", "log-level"],
    endpoints: { changed: ["/other"], added: ["/new"], removed: ["/gone"] },
  });
});

test("a changed secret makes a new check of the one that uses it", async () => {
  await using folder = await tempFolder();
  const secret = await folder.write("secret", "swordfish-1");
  const file = await folder.write(
    "config.yaml",
    `checks: [{ http: 'http://localhost:80/', headers: { A: "\${file:${secret}}" } }]`,
  );
  const before = createPlan(await load(file), build);
  await folder.write("secret", "swordfish-2");
  expect(createPlan(await load(file), build, before).change.kept).toBe(0);
  await rm(secret);
});
