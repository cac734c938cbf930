// A real supervisord restarts the daemon, which opens its listener again.

import { expect } from "bun:test";
import { askAt } from "../support/ask.ts";
import { binary } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { freePort, loopbackAddress } from "../support/loopback.ts";
import { needs } from "../support/needs.ts";
import { isAlive } from "../support/processes.ts";
import { tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";

const test = await needs("supervisord");

const CHANGE_MS = 30_000;

for (const family of ["tcp", "unix"] as const) {
  test(`supervisord restarts the daemon after SIGKILL and it answers again (${family} listener)`, async () => {
    await using folder = await tempFolder();
    const host = loopbackAddress();
    const socket = `${folder.path}/health.sock`;
    const listener = family === "unix" ? `unix:${socket}` : `${host}:${freePort(host)}`;
    const config = await folder.write(
      "supervisord.conf",
      `[supervisord]
nodaemon=true
logfile=/dev/null
logfile_maxbytes=0
pidfile=${folder.path}/supervisord.pid
childlogdir=${folder.path}

[unix_http_server]
file=${folder.path}/supervisor.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://${folder.path}/supervisor.sock

[program:health-checker]
command=${await binary()} --listener ${listener} --script "true"
directory=${folder.path}
autorestart=true
startretries=30
stdout_logfile=${folder.path}/health-checker.log
redirect_stderr=true
`,
    );
    await using supervisord = startChild(["supervisord", "-c", config], { cwd: folder.path });
    /** The pid that supervisord has for the daemon while it runs. */
    const daemonPid = async () => {
      const status = Bun.spawn(["supervisorctl", "-c", config, "status"], {
        env: plainEnvironment(),
        stdout: "pipe",
        stderr: "ignore",
      });
      return Number(/RUNNING\s+pid (\d+)/.exec(await new Response(status.stdout).text())?.[1] ?? 0);
    };
    const ask = () => (family === "unix" ? askAt("http://localhost/", { unix: socket }) : askAt(`http://${listener}/`));
    const answers = () => until(async () => (await ask()).status === 200, CHANGE_MS, "the daemon to answer");

    const first = await until(daemonPid, CHANGE_MS, "supervisord to have it running");
    await answers();
    process.kill(first, "SIGKILL");
    await until(() => !isAlive(first), CHANGE_MS, "the killed daemon to be gone");
    await answers();
    const second = await until(daemonPid, CHANGE_MS, "supervisord to have it running again");
    expect(second).not.toBe(first);

    supervisord.kill("SIGTERM");
    expect(await supervisord.exited).toBe(0);
    expect(isAlive(second)).toBe(false);
  }, 120_000);
}
