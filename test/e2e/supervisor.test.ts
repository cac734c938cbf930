// A real supervisord restarts the daemon, which opens its listener again.

import { expect } from "bun:test";
import { askAt } from "../support/ask.ts";
import { binary } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { isAlive } from "../support/processes.ts";
import { supervisorConfig } from "../support/supervisor.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = await needs("supervisord");

const CHANGE_MS = 30_000;

test("supervisord restarts the daemon after SIGKILL and it answers again, on a port and on a socket file", async () => {
  await using folder = await tempFolder();
  const host = loopbackAddress();
  const port = `${host}:${freePort(host)}`;
  const socket = `${folder.path}/health.sock`;
  const checker = await binary();
  const program = (name: string, listener: string) => `[program:${name}]
command=${checker} --listener ${listener} --script "true"
directory=${folder.path}
autorestart=true
startsecs=0
startretries=30
stdout_logfile=${folder.path}/${name}.log
redirect_stderr=true
`;
  const config = await supervisorConfig(
    folder,
    `${program("tcp", port)}
${program("unix", `unix:${socket}`)}`,
  );
  await using supervisord = startChild(["supervisord", "-c", config], { cwd: folder.path });
  /** The pids that supervisord has for the two daemons, once both run. */
  const daemonPids = async () => {
    const status = Bun.spawn(["supervisorctl", "-c", config, "status"], {
      env: plainEnvironment(),
      stdout: "pipe",
      stderr: "ignore",
    });
    const pids = (await status.stdout.text()).matchAll(/RUNNING\s+pid (\d+)/g);
    const both = [...pids].map(([, pid]) => Number(pid));
    return both.length === 2 ? both : undefined;
  };
  const answers = async () => {
    const ok = async (asked: Promise<{ status: number }>) => (await asked).status === 200;
    await until(() => ok(askAt(`http://${port}/`)), CHANGE_MS, "the daemon on a port to answer");
    await until(
      () => ok(askAt("http://localhost/", { unix: socket })),
      CHANGE_MS,
      "the one on a socket file to answer",
    );
  };

  const first = await until(daemonPids, CHANGE_MS, "supervisord to have them running");
  await answers();
  for (const pid of first) process.kill(pid, "SIGKILL");
  await until(() => !first.some(isAlive), CHANGE_MS, "the killed daemons to be gone");
  await answers();
  const second = await until(
    async () => {
      const pids = await daemonPids();
      return pids?.some((pid) => first.includes(pid)) ? undefined : pids;
    },
    CHANGE_MS,
    "supervisord to have them running again",
  );

  supervisord.kill("SIGTERM");
  expect(await supervisord.exited).toBe(0);
  expect(second.filter(isAlive)).toEqual([]);
}, 120_000);
