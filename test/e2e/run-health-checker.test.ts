// packaging/run-health-checker takes upstream's options, and a real supervisord runs what it writes.

import { expect, test } from "bun:test";
import { chmod, copyFile, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { askAt } from "../support/ask.ts";
import { binary, ROOT } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { asRoot, needs } from "../support/needs.ts";
import { supervisorConfig } from "../support/supervisor.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const SCRIPT = join(ROOT, "packaging/run-health-checker");
const CHANGE_MS = 30_000;
const USER = "nobody";

const withSupervisor = process.getuid?.() === 0 ? await needs("supervisord") : asRoot;
const withShellcheck = await needs("shellcheck");

async function run(command: readonly string[], path?: string) {
  const env = plainEnvironment();
  const child = startChild(command, { env: { ...env, ...(path && { PATH: `${path}:${env["PATH"]}` }) } });
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  return { exitCode, out: child.out, err: child.err };
}

/** A supervisord of the test's own, and an installation folder with the program. */
async function startHost() {
  const folder = await tempFolder();
  await chmod(folder.path, 0o755);
  const sections = join(folder.path, "conf.d");
  const install = join(folder.path, "opt/health-checker");
  await mkdir(sections);
  await mkdir(install, { recursive: true });
  await copyFile(await binary(), join(install, "health-checker"));
  const config = await supervisorConfig(
    folder,
    `[include]
files=${sections}/*.conf
`,
  );
  const programs = join(folder.path, "bin");
  await folder.write("bin/supervisorctl", `#!/bin/sh\nexec ${Bun.which("supervisorctl")} -c ${config} "$@"\n`, 0o755);
  const supervisord = startChild(["supervisord", "-c", config], { cwd: folder.path });
  const section = join(sections, "run-health-checker.conf");
  return {
    folder: folder.path,
    install,
    sections,
    section: () => Bun.file(section).text(),
    ctl: (...words: readonly string[]) => run(["supervisorctl", ...words], programs),
    runScript: (...words: readonly string[]) =>
      run([SCRIPT, "--user", USER, "--install-dir", install, "--supervisor-dir", sections, ...words], programs),
    client: (command: string) =>
      run([join(install, "health-checker"), command, "--control-socket", join(install, "run/control.sock")]),
    async [Symbol.asyncDispose]() {
      await supervisord[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

withSupervisor(
  "upstream's options lead to a daemon that runs, drains and comes back, as the user, with its checks",
  async () => {
    await using host = await startHost();
    using service = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const address = loopbackAddress();
    const listener = `${address}:${freePort(address)}`;
    // What a shell, supervisord and --script each take for something of their own.
    const script = `/bin/sh -c 'test "$0" = "5% ; # it"' "5% ; # it"`;
    const words = ["--script", script, "--script-timeout", "5", "--", "--listener", listener];
    const status = async () => (await askAt(`http://${listener}/`)).status;

    expect(await host.runScript("--tcp-port", String(service.port), ...words)).toMatchObject({ exitCode: 0, err: [] });
    await until(async () => (await status()) === 200, CHANGE_MS, "the daemon to answer 200");
    const pid = Number((await host.ctl("pid", "health-checker")).out[0]);
    expect((await stat(`/proc/${pid}`)).uid).toBe((await stat(join(host.install, "run"))).uid);
    expect((await stat(`/proc/${pid}`)).uid).toBeGreaterThan(0);
    expect((await host.client("status")).exitCode).toBe(0);

    expect((await host.client("drain")).exitCode).toBe(0);
    expect((await host.ctl("restart", "health-checker")).exitCode).toBe(0);
    await until(async () => (await status()) === 504, CHANGE_MS, "the restarted daemon to be drained");
    expect((await host.client("undrain")).exitCode).toBe(0);
    await until(async () => (await status()) === 200, CHANGE_MS, "it to answer 200 again");

    // Run again, with a port that is closed: the new section replaces the old one.
    const closed = String(freePort("127.0.0.1"));
    expect((await host.runScript("--tcp-port", closed, ...words)).exitCode).toBe(0);
    await until(async () => (await status()) === 504, CHANGE_MS, "the daemon with the new checks");
    expect(await readdir(host.sections)).toEqual(["run-health-checker.conf"]);
    expect(await Bun.file(join(host.install, "log/health-checker.log")).text()).toContain(`127.0.0.1:${closed}`);
  },
  120_000,
);

withSupervisor(
  "a daemon that cannot start is reported, and other sections stay as they are",
  async () => {
    await using host = await startHost();
    using taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const answers = async () => (await host.ctl("status")).exitCode === 0;
    await until(answers, CHANGE_MS, "supervisord to have read its sections");
    await Bun.write(join(host.sections, "other.conf"), "[program:other]\ncommand=sleep 1000\n");
    const words = ["--script", "true", "--", "--listener", `127.0.0.1:${taken.port}`];
    const { exitCode, err } = await host.runScript(...words);
    expect({ exitCode, err: err.join("\n") }).toEqual({
      exitCode: 1,
      err: expect.stringMatching(
        /cannot listen on .*: it is in use[\s\S]*supervisord cannot start it, and goes on trying/,
      ),
    });
    expect((await host.ctl("status")).out).toEqual([expect.stringMatching(/^health-checker /)]);
  },
  60_000,
);

withSupervisor(
  "wrong options change nothing",
  async () => {
    await using host = await startHost();
    for (const [words, said] of [
      [["--tcp-port", "99999"], "--port: expected a port"],
      [["--tcp-port"], "--tcp-port: expected a value"],
      [[], "nothing to check"],
      [["--port", "80"], "unexpected argument: --port"],
      [["--tcp-port", "80", "--user", "a b"], "--user, --install-dir: expected"],
    ] as const) {
      const { exitCode, err } = await host.runScript(...words);
      expect({ exitCode, err: err.join("\n") }).toEqual({ exitCode: 2, err: expect.stringContaining(said) });
    }
    expect(await readdir(host.sections)).toEqual([]);
    expect(await readdir(host.install)).toEqual(["health-checker"]);
  },
  60_000,
);

test("without the program it says where it looked", async () => {
  await using folder = await tempFolder();
  const { exitCode, err } = await run([SCRIPT, "--install-dir", folder.path, "--tcp-port", "80"]);
  expect({ exitCode, err }).toEqual({
    exitCode: 1,
    err: [`run-health-checker: no health-checker in ${folder.path} or in PATH`],
  });
});

withShellcheck(
  "shellcheck finds nothing in it, or in .ci/run",
  async () => {
    expect(await run(["shellcheck", SCRIPT, join(ROOT, ".ci/run")])).toEqual({ exitCode: 0, out: [], err: [] });
  },
  60_000,
);
