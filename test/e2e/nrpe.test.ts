// A real NRPE runs our commands as plugins, and check_nrpe gets what they print and how they exit.

import { expect } from "bun:test";
import { chown } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { listener } from "../support/listeners.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const CHECK_NRPE = "/usr/lib/nagios/plugins/check_nrpe";
const NRPE = "/usr/sbin/nrpe";

/** NRPE refuses to run as root. A command that asks the daemon needs its user. */
const USER = process.getuid?.() === 0 ? 65534 : (process.getuid?.() ?? 0);
const asUser = process.getuid?.() === 0 ? ["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups"] : [];

const test = await needs("NRPE", "check_nrpe");

test("check_nrpe gets the state, the long output and the performance data of status and check", async () => {
  await using folder = await tempFolder();
  await chown(folder.path, USER, USER);
  await using peer = await listener();
  const socket = join(folder.path, "control.sock");
  const file = await folder.write(
    "hc.yaml",
    `checks:
  - { name: queue, tcp: 127.0.0.1:${peer.port} }
  - { name: it's lag, script: "sh -c 'echo a | cat; exit 1'", severity: warning }
`,
  );
  const checker = await binary();
  await using daemon = await startDaemon(["--config", file, "--control-socket", socket], {
    command: [...asUser, checker],
    cwd: folder.path,
  });
  const host = loopbackAddress();
  const port = freePort(host);
  const config = await folder.write(
    "nrpe.cfg",
    `server_address=${host}
server_port=${port}
allowed_hosts=127.0.0.0/8
pid_file=${folder.path}/nrpe.pid
nrpe_user=${USER}
nrpe_group=${USER}
command[host]=${checker} status --format nagios --control-socket ${socket}
command[one]=${checker} status --format nagios --control-socket ${socket} queue
command[check]=${checker} check --format nagios --port ${peer.port}
command[wrong]=${checker} check --format nagios --prot 80
`,
  );
  await using _ = startChild([...asUser, NRPE, "-n", "-f", "-c", config], { cwd: folder.path });
  const check = async (command: string) => {
    const words = [CHECK_NRPE, "-n", "-H", host, "-p", `${port}`, "-c", command];
    const child = Bun.spawn(words, { env: plainEnvironment(), stdout: "pipe", stderr: "pipe" });
    const [out, exit] = await Promise.all([child.stdout.text(), child.exited]);
    return { lines: out.trimEnd().split("\n"), exit };
  };
  await until(async () => (await check("check")).exit === 0, 20_000, "NRPE to listen");

  expect(await check("check")).toEqual({
    exit: 0,
    lines: [
      expect.stringMatching(/^HEALTH OK - 1 of 1 up \| 'tcp 127.0.0.1:\d+'=0\.\d+s;;;0;5$/),
      `tcp 127.0.0.1:${peer.port}: up`,
    ],
  });
  expect(await check("host")).toEqual({
    exit: 1,
    lines: [
      expect.stringMatching(
        /^HEALTH WARNING - 1 of 2 up; not critical: it's lag \(exit\) \| 'queue'=[\d.]+s;;;0;5 'it''s lag'=[\d.]+s;;;0;5$/,
      ),
      "it's lag: down (not critical), exit: exited with status 1; its output ends in: a",
      "queue: up",
    ],
  });
  expect(await check("one")).toMatchObject({ exit: 0, lines: [expect.stringMatching(/^HEALTH OK - queue up \| /)] });
  await peer[Symbol.asyncDispose]();
  expect(await check("host")).toMatchObject({
    exit: 2,
    lines: expect.arrayContaining([
      expect.stringMatching(/^HEALTH CRITICAL - 0 of 2 up: queue \(refused\); not critical: it's lag \(exit\) \| /),
    ]),
  });
  await daemon.stop();
  expect(await check("host")).toMatchObject({
    exit: 3,
    lines: [expect.stringMatching(/^HEALTH UNKNOWN - no daemon /)],
  });
  expect(await check("wrong")).toEqual({
    exit: 3,
    lines: ["HEALTH UNKNOWN - --prot: unknown option; did you mean --port?"],
  });
}, 60_000);
