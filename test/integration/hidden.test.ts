// Under a unit that was made for other checks, a check that cannot see what it looks at names the
// directive that hides it; on the host itself, where nothing is hidden, it passes.

import { expect } from "bun:test";
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { binary } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { asRoot } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const SANDBOX = join(import.meta.dir, "../fixtures/service-sandbox.sh");

/** What `check` says of each check, by its name. */
async function check(side: "host" | "service", folder: TempFolder, checks: Readonly<Record<string, object>>) {
  const all = Object.entries(checks).map(([name, keys]) => ({ name, ...keys }));
  await folder.write("hc.yaml", JSON.stringify({ checks: all }), 0o644);
  await chmod(folder.path, 0o755);
  await using child = startChild([
    ...["unshare", "--mount", "--propagation", "private", SANDBOX, side, folder.path, await binary()],
    ...["check", "--json", "--config", "/srv/test/hc.yaml"],
  ]);
  await child.ended;
  const report = JSON.parse(child.out.join("")) as {
    readonly checks: readonly { readonly name: string; readonly reason?: string; readonly detail?: string }[];
  };
  return Object.fromEntries(
    report.checks.map(({ name, reason, detail }) => [name, reason ? `${reason}: ${detail}` : "ok"]),
  );
}

const CURE = "health-checker unit --check shows what to change";
const HOME = `the service's ProtectHome= hides /home (${CURE})`;
const TMP = `the service's PrivateTmp= hides /tmp (${CURE})`;
const PROCESSES = `(the service's ProtectProc= hides the processes of other users; ${CURE})`;

asRoot(
  "what the unit hides is named by its directive, and was there on the host",
  async () => {
    await using folder = await tempFolder();
    await folder.write("init.pid", "1\n", 0o644);
    const name = (await Bun.file("/proc/1/comm").text()).trim();
    const checks = {
      file: { file: "/home/app/ready" },
      flag: { file: "/tmp/app/ready" },
      disk: { disk: "/home/app", "min-free": "1KB" },
      script: { script: "/home/app/check.sh" },
      process: { process: name },
      "pid file": { process: "/srv/test/init.pid" },
    };
    expect(await check("host", folder, checks)).toEqual({
      ...{ file: "ok", flag: "ok", disk: "ok", script: "ok", process: "ok", "pid file": "ok" },
    });
    expect(await check("service", folder, checks)).toEqual({
      file: `unreachable: cannot access /home/app/ready: permission denied (EACCES); ${HOME}`,
      flag: `missing: /tmp/app/ready does not exist; ${TMP}`,
      disk: `unreachable: cannot access /home/app: permission denied (EACCES); ${HOME}`,
      script: `spawn: /home/app/check.sh cannot be used by this user (EACCES); ${HOME}`,
      process: `missing: no process ${name} is running ${PROCESSES}`,
      "pid file": `missing: process 1 of /srv/test/init.pid is not running ${PROCESSES}`,
    });
  },
  60_000,
);

asRoot(
  "so are sockets and certificates, and programs that are looked for; what is really missing is just that",
  async () => {
    await using folder = await tempFolder();
    using listener = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const checks = {
      tcp: { tcp: "unix:/tmp/app.sock" },
      http: { http: "http://localhost/", unix: "/home/app/http.sock" },
      redis: { redis: "redis://localhost?socket=/tmp/redis.sock" },
      ca: { tcp: `127.0.0.1:${listener.port}`, tls: { ca: "/home/app/ca.pem" } },
      pid: { process: "/tmp/app.pid" },
      bare: { script: "no-such-program", env: { PATH: "/home/app:/bin" } },
      cwd: { script: "true", cwd: "/home/app/work" },
      missing: { file: "/srv/test/none" },
      forbidden: { file: "/srv/test/private/x" },
    };
    await folder.write("private/x", "", 0o600);
    await chmod(join(folder.path, "private"), 0o700);
    const plain = {
      missing: "missing: /srv/test/none does not exist",
      forbidden:
        "unreachable: cannot access /srv/test/private/x: this user may not enter /srv/test/private, which belongs to root (uid 0), mode 0700 (EACCES)",
    };
    const onHost = await check("host", folder, checks);
    expect(onHost).toMatchObject(plain);
    expect(Object.values(onHost).filter((said) => said === "ok" || said.includes("hides"))).toEqual([]);
    expect(await check("service", folder, checks)).toEqual({
      tcp: `refused: unix:/tmp/app.sock does not exist; ${TMP}`,
      http: `unreachable: unix:/home/app/http.sock cannot be reached (EACCES); ${HOME}`,
      redis: `refused: unix:/tmp/redis.sock does not exist; ${TMP}`,
      ca: `tls: cannot use the CA certificates in /home/app/ca.pem: permission denied; ${HOME}`,
      pid: `missing: the pid file /tmp/app.pid does not exist; ${TMP}`,
      bare: `spawn: no-such-program: not found in PATH; write the path in full; ${HOME}`,
      cwd: `spawn: the working folder /home/app/work cannot be used by this user (EACCES); ${HOME}`,
      ...plain,
    });
  },
  60_000,
);
