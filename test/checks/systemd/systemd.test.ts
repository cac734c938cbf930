// A unit is up when systemd reports it as active. Checks that run at the same moment share one call of systemctl. These tests
// use a fixture instead of systemctl, so that the host need not run systemd.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { runCheck } from "../../../src/checks/run.ts";
import { parseShow } from "../../../src/checks/systemd/systemctl.ts";
import { systemd, unit } from "../../../src/checks/systemd/systemd.ts";
import type { Outcome } from "../../../src/outcome.ts";
import { checkOf, outcomeOf } from "../../support/checks.ts";
import { needs } from "../../support/needs.ts";
import { processesRunning } from "../../support/processes.ts";
import * as fc from "../../support/properties.ts";
import { tempFolder } from "../../support/temp.ts";
import { until } from "../../support/until.ts";

const { PATH = "/usr/bin:/bin" } = process.env;

/** A host whose `systemctl` is the fixture. */
async function host(variables: Readonly<Record<string, string>> = {}) {
  const folder = await tempFolder();
  await copyFile(join(import.meta.dir, "../../fixtures/systemctl.sh"), join(folder.path, "systemctl"));
  const file = await folder.write("calls", "");
  const env = { PATH: `${folder.path}:${PATH}`, CALLS: file, ...variables };
  return {
    env,
    folder,
    ask: (name: string, timeoutMs = 10_000): Promise<Outcome> =>
      outcomeOf(systemd, { systemd: name }, { env, timeoutMs }),
    calls: () => readFileSync(file, "utf8").split("\n").filter(Boolean),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const up = (detail: string): Outcome => ({ ok: true, detail });
const notReady = (message: string): Outcome => ({ ok: false, reason: "not-ready", message });

test.each([
  ["good.service", up("active (running)")],
  ["good", up("active (running)")],
  ["once", up("active (exited)")],
  ["backup.timer", up("active (waiting)")],
  ["reloading", up("reloading (reload)")],
  ["removed", up("active (running)")],
  ["mysql", up("active (running)")],
  ["x@a\\x2db.service", up("active (running)")],
  ["alias\\x2d.service", up("active (running)")],
  ["failed", notReady("failed.service is failed (exit-code)")],
  ["killed", notReady("killed.service is failed (oom-kill)")],
  ["inactive", notReady("inactive.service is inactive (dead)")],
  ["starting", notReady("starting.service is activating (start-pre)")],
  ["restarting", notReady("restarting.service is activating (auto-restart)")],
  ["stopping", notReady("stopping.service is deactivating (stop-sigterm)")],
  ["masked", notReady("masked.service is masked")],
  ["broken", notReady("broken.service is inactive (dead); its file could not be loaded (bad-setting)")],
  ["none", { ok: false, reason: "missing", message: "none.service does not exist" } as const],
])("%s", async (name, outcome) => {
  await using one = await host();
  expect(await one.ask(name)).toEqual(outcome);
});

test("checks at the same moment share one call that has each unit once, and each gets its own answer", async () => {
  await using one = await host();
  const names = ["good", "failed", "none", "mysql", "mariadb", "mysqld", "good.service"];
  const outcomes = await Promise.all(names.map((name) => one.ask(name)));
  expect(outcomes.map((outcome) => (outcome.ok ? "ok" : outcome.reason))).toEqual([
    "ok",
    "not-ready",
    "missing",
    "ok",
    "ok",
    "ok",
    "ok",
  ]);
  expect(one.calls()).toEqual([
    "show --no-pager --property=Id,Names,LoadState,ActiveState,SubState,Result -- good.service failed.service none.service mysql.service mariadb.service mysqld.service",
  ]);
  expect(await one.ask("good")).toEqual(up("active (running)"));
  expect(one.calls()).toHaveLength(2);
});

test("a hundred units are one call, three hundred a few", async () => {
  for (const [units, calls] of [
    [100, 1],
    [300, 3],
  ] as const) {
    await using one = await host();
    const outcomes = await Promise.all(
      Array.from({ length: units }, (_, index) => one.ask(index % 3 ? `good${index}` : `none${index}`)),
    );
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(units - Math.ceil(units / 3));
    expect(one.calls()).toHaveLength(calls);
  }
});

test("a systemctl that hangs is ended with the last check that waits, and delays no other", async () => {
  const seconds = `300.${Math.floor(Math.random() * 1e9)}`;
  await using one = await host({ MODE: "hangs", SECONDS_TO_HANG: seconds });
  const before = readdirSync("/proc/self/fd").length;
  const running = () => processesRunning(`sleep ${seconds}`).length;
  const cut = new AbortController();
  const late = runCheck(checkOf(systemd, { systemd: "good" }, { env: one.env, timeoutMs: 600_000 }), cut.signal);
  expect(await one.ask("failed", 400)).toEqual({
    ok: false,
    reason: "timeout",
    message: "systemctl did not answer (timeout 400ms)",
  });
  expect(running()).toBe(1);
  cut.abort();
  expect((await late).outcome).toMatchObject({ reason: "deadline" });
  await until(() => running() === 0 && readdirSync("/proc/self/fd").length <= before);
  // A call with another environment does not wait for it.
  const hung = [1, 2, 3].map(() => one.ask("good", 600));
  await using other = await host();
  expect(await other.ask("good")).toEqual(up("active (running)"));
  await Promise.all(hung);
  await until(() => running() === 0);
}, 20_000);

test("a systemctl that floods its output is bounded, and ended", async () => {
  await using one = await host({ MODE: "floods" });
  expect(await one.ask("good", 500)).toMatchObject({ reason: "timeout" });
  await until(() => processesRunning(`/bin/sh ${join(one.folder.path, "systemctl")}`).length === 0);
});

test("a systemctl that fails, prints nothing or does not exist is reported as such", async () => {
  await using failing = await host({ MODE: "fails" });
  expect(await failing.ask("good")).toEqual({
    ok: false,
    reason: "unreachable",
    message:
      "systemctl exited with status 1: System has not been booted with systemd as init system (PID 1). Can't operate.",
  });
  await using silent = await host({ MODE: "silent" });
  expect(await silent.ask("good")).toMatchObject({
    ok: false,
    message: "systemctl printed nothing about good.service",
  });
  await using half = await host({ MODE: "half" });
  const [first, second] = await Promise.all([half.ask("good1"), half.ask("good2")]);
  expect(first).toEqual(up("active (running)"));
  expect(second).toEqual({ ok: false, reason: "mismatch", message: "systemctl printed nothing about good2.service" });
  expect(await outcomeOf(systemd, { systemd: "good" }, { env: { PATH: "/no/such" } })).toEqual({
    ok: false,
    reason: "spawn",
    message: "cannot start systemctl (ENOENT); does this host run systemd?",
  });
});

const withSystemctl = await needs("systemctl");

withSystemctl(
  "the real systemctl takes what it is asked with",
  async () => {
    const env = { PATH };
    const outcome = await outcomeOf(systemd, { systemd: "no-such-unit" }, { env });
    // systemd reports that there is no such unit; without systemd, systemctl says that it is not running.
    expect(outcome).toHaveProperty(
      "message",
      expect.stringMatching(
        /^(no-such-unit\.service does not exist|systemctl exited with status 1: System has not been booted)/,
      ),
    );
  },
  20_000,
);

test("a name is a unit's, and never an option or a pattern", () => {
  const read = (name: string) => unit.read(name);
  for (const [given, name] of [
    ["nginx", "nginx.service"],
    ["nginx.service", "nginx.service"],
    ["foo.bar", "foo.bar.service"],
    ["postgresql@15-main", "postgresql@15-main.service"],
    ["dev-disk-by\\x2dlabel.device", "dev-disk-by\\x2dlabel.device"],
    ["multi-user.target", "multi-user.target"],
  ] as const) {
    expect(read(given)).toEqual({ value: name });
  }
  for (const bad of [
    "",
    "-x",
    "--all",
    "-H root@x",
    "a b",
    "a*",
    "[a]",
    "a?",
    "a/b",
    "a\nb",
    "a\0",
    "ä",
    ".service",
    "getty@",
    "getty@.service",
    "a".repeat(250),
  ]) {
    expect(read(bad)).not.toHaveProperty("value");
  }
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.string()), (given) => {
      const result = unit.read(given);
      if ("value" in result) expect(result.value).toMatch(/^[A-Za-z0-9:_][A-Za-z0-9:_.\\@-]*\.[a-z]+$/);
    }),
  );
});

test("any output of systemctl is parsed or skipped", () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom("", "Id=a.service", "Names=a.service b.service", "ActiveState=active", "ActiveState=", "=", '"'),
  );
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      const states = parseShow(lines.join("\n"), ["a.service", "b.service"]);
      for (const name of states.keys()) expect(["a.service", "b.service"]).toContain(name);
    }),
  );
});
