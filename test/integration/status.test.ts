// What status and check print about a daemon that runs, in each of their formats.

import { expect, test } from "bun:test";
import { join } from "node:path";
import type { CheckHistory } from "../../src/status/schema.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { run } from "../support/run.ts";
import { schemaErrors } from "../support/status-schema.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const CONFIG = `
interval: 1s
checks:
  - { name: leader, script: "sh -c 'echo no leader; exit 3'" }
  - { name: "load of cpu", script: "sh -c 'echo load is 9; exit 1'", nagios: true, severity: warning }
  - { name: slow, script: sleep 30, timeout: 40s, severity: endpoint }
endpoints:
  /slow: [slow]
`;

interface Running extends AsyncDisposable {
  readonly daemon: Daemon;
  readonly config: string;
  readonly hc: (...words: readonly string[]) => ReturnType<typeof run>;
}

async function start(): Promise<Running> {
  const folder = await tempFolder();
  const config = await folder.write("hc.yaml", CONFIG);
  const control = ["--control-socket", join(folder.path, "control.sock")];
  const daemon = await startDaemon(["--config", config, "--state-directory", folder.path, ...control]);
  const hc = (...words: readonly string[]) => run([...words, ...control]);
  await until(async () => {
    const [leader, load] = [await hc("status", "leader"), await hc("status", "load of cpu")];
    return leader.out.startsWith("leader: down") && load.out.startsWith("load of cpu: up with warning");
  });
  return {
    daemon,
    config,
    hc,
    async [Symbol.asyncDispose]() {
      await daemon[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

test("the JSON Schema describes what status and check print", async () => {
  await using running = await start();
  const { daemon, config, hc } = running;
  await daemon.ask();
  await hc("maint", "--for", "10m", "--reason", "disk swap");
  await hc("drain");
  await hc("reload");
  const status = (await hc("status", "--json")).out;
  expect(Object.keys(JSON.parse(status))).toEqual(expect.arrayContaining(["drain", "maintenance", "lastReload"]));
  expect(schemaErrors(status)).toBeNull();
  expect(schemaErrors((await hc("status", "--clients", "--json")).out, "Clients")).toBeNull();
  for (const name of ["leader", "load of cpu", "slow"]) {
    expect(schemaErrors((await hc("status", name, "--format", "json")).out, "CheckHistory")).toBeNull();
  }
  const { out } = await run(["check", "--config", config, "--json", "--deadline", "1s"]);
  expect(schemaErrors(out, "CheckRuns")).toBeNull();
}, 60_000);

test("status of one check, by a name with blanks, and by one that is not there", async () => {
  await using running = await start();
  const { hc } = running;
  const leader = await hc("status", "leader");
  expect(leader).toMatchObject({ err: "", exitCode: 1 });
  expect(leader.out).toMatch(/^leader: down for \w+\n\nkind {10}script, severity critical\n/);
  expect(leader.out).toContain("\noutput:\n  no leader\n");
  const load = await hc("status", "load of cpu", "--json");
  expect(load).toMatchObject({ err: "", exitCode: 0 });
  expect(JSON.parse(load.out) as CheckHistory).toMatchObject({ name: "load of cpu", warning: "load is 9" });
  expect(await hc("status", "laeder")).toEqual({
    out: "",
    err: 'health-checker: status: no check is named "laeder"; did you mean leader?\n',
    exitCode: 2,
  });
}, 60_000);

test("as metrics, without an admin listener", async () => {
  await using running = await start();
  const { out, err, exitCode } = await running.hc("status", "--format", "prometheus");
  expect({ err, exitCode }).toEqual({ err: "", exitCode: 0 });
  expect(out).toContain('\nhealth_checker_check_up{check="leader"} 0\n');
  expect(out).toMatch(/^health_checker_check_runs_total\{outcome="failed",reason="exit",check="leader"\} [1-9]/m);
  expect(out).not.toContain('check_up{check="slow"}');
}, 60_000);

test("as a Nagios plugin: the host, one check, a host that is drained, no daemon", async () => {
  await using running = await start();
  const { daemon, config, hc } = running;
  const host = await hc("status", "--format", "nagios");
  expect(host).toMatchObject({ err: "", exitCode: 2 });
  const [first, ...lines] = host.out.split("\n");
  expect(first).toMatch(
    /^HEALTH CRITICAL - 1 of 2 up: leader \(exit\) \| 'leader'=0\.\d+s;;;0;5 'load of cpu'=0\.\d+s;;;0;5 'slow'=U$/,
  );
  expect(lines).toEqual([
    "leader: down, exit: exited with status 3; its output ends in: no leader",
    "slow: unknown (endpoint only)",
    "load of cpu: up with warning (not critical), warning: load is 9",
    "",
  ]);
  expect(await hc("status", "load of cpu", "--format=nagios")).toMatchObject({
    out: expect.stringMatching(
      /^HEALTH WARNING - load of cpu up with warning \(not critical\), warning: load is 9 \| /,
    ),
    exitCode: 1,
  });
  const checked = await run(["check", "--config", config, "--deadline", "1s", "--format", "nagios"]);
  expect(checked).toMatchObject({
    out: expect.stringContaining("CRITICAL - 1 of 2 up: leader (exit) | "),
    exitCode: 2,
  });
  await hc("drain");
  expect(await hc("status", "--format", "nagios")).toMatchObject({
    out: expect.stringMatching(/^HEALTH WARNING - drained since \S+; 1 of 2 up: leader \(exit\) \| /),
    exitCode: 1,
  });
  await daemon.stop();
  expect(await hc("status", "--format", "nagios")).toMatchObject({
    out: expect.stringMatching(/^HEALTH UNKNOWN - no daemon listens on /),
    err: "",
    exitCode: 3,
  });
}, 60_000);
