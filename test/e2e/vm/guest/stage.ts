// What stands on the guest's host: servers for every kind of check, a config file that asks
// for all of them, and the unit that the program itself prints for it.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { until } from "../../../support/until.ts";
import { answerHealthCalls, answerPings } from "./listeners.ts";
import { CONFIG, must, PROGRAM, run, SLOW_MS, UNIT } from "./service.ts";

/** The disk with what is to be tried. */
const PAYLOAD = "/mnt";

/** Files here have the scripts do as a test wants. */
const SIGNS = "/run/drill";

/** A unit each; they end with the guest. */
const SERVERS = {
  redis: "User=redis\nExecStart=/usr/bin/redis-server --port 6379 --save ''",
  nginx: `ExecStart=/usr/sbin/nginx -c ${PAYLOAD}/nginx.conf -g 'daemon off;'`,
  dnsmasq: "ExecStart=/usr/sbin/dnsmasq -k -C /dev/null -R -h -a 127.0.0.1 -p 5353 --host-record=db.test,127.0.0.9",
  postgres: `User=postgres
ExecStart=/bin/sh -c 'exec /usr/lib/postgresql/*/bin/postgres -D /var/lib/postgresql/*/main -c config_file=${PAYLOAD}/postgresql.conf'`,
  mariadb: `User=mysql
RuntimeDirectory=mysqld
ExecStart=/usr/sbin/mariadbd --no-defaults --datadir=/var/lib/mysql --bind-address=127.0.0.1 --init-file=${PAYLOAD}/init.sql \\
  --innodb-buffer-pool-size=8M --innodb-log-file-size=4M --skip-name-resolve --performance-schema=off --skip-log-bin`,
} as const;

export type ServerName = keyof typeof SERVERS;

export const serverNames = Object.keys(SERVERS) as readonly ServerName[];

const PORTS = { redis: 6379, nginx: 8443, dnsmasq: 5353, postgres: 5432, mariadb: 3306 } as const;

export const DRAIN_DELAY_MS = 5000;

/** How long the check that starts slowly takes for its result. */
export const FIRST_RESULT_MS = 3000;

/** A process that a script has detached; nothing else sleeps that long. */
export const DETACHED = ["sleep", "98765"];

const tls = { ca: `${PAYLOAD}/tls/ca.pem`, "server-name": "api.test" };

/** One of every kind, which has the kind's name; and scripts. Asked for by `/NAME`. */
export const CHECKS = {
  tcp: { tcp: 6379, interval: "2s", timeout: "10s" },
  udp: { udp: 7000, send: "ping", expect: "pong" },
  http: { http: "https://127.0.0.1:8443/", tls },
  grpc: { grpc: 9000 },
  certificate: { certificate: 8443, ...tls, "min-days": 7 },
  dns: { dns: "db.test", resolver: "127.0.0.1:5353", expect: "127.0.0.9" },
  script: { script: ["id", "-un"], expect: "/^health-checker$/m" },
  process: { process: "redis-server" },
  file: { file: "/etc/hostname", expect: "drill" },
  disk: { disk: "/", "min-free": "1MB" },
  systemd: { systemd: "drill-redis.service" },
  postgres: {
    postgres: "postgres://postgres@127.0.0.1:5432/postgres",
    query: "select pg_is_in_recovery()",
    expect: "f",
  },
  mysql: { mysql: "mysql://health@127.0.0.1:3306/test" },
  redis: { redis: "redis://127.0.0.1:6379" },
} as const;

const SCRIPTS = {
  hungry: { script: ["sh", "-c", `[ ! -e ${SIGNS}/hungry ] || exec tail /dev/zero`] },
  detaching: {
    // It ends once what it leaves has a session of its own: with the script its process group ends.
    script: [
      "sh",
      "-c",
      `[ -e ${SIGNS}/detaching ] || exit 0
      setsid ${DETACHED.join(" ")} </dev/null >/dev/null 2>&1 &
      until [ $(ps -o sid= -p $!) -eq $! ]; do :; done`,
    ],
  },
} as const;

/** What the first start waits for. */
export const SLOW_CHECK = { slow: { script: ["sleep", String(FIRST_RESULT_MS / 1000)], interval: "1h" } };

/** With `more` checks beside those that are always there. */
export const config = (more: Readonly<Record<string, object>> = {}): string =>
  configOf({ ...CHECKS, ...SCRIPTS, ...more }, DRAIN_DELAY_MS);

const { script: _, ...NATIVE_CHECKS } = CHECKS;

export const nativeKinds = Object.keys(NATIVE_CHECKS);

/** Of the kinds that run nothing of others', for which the unit is stricter. */
export const nativeConfig = (): string => configOf(NATIVE_CHECKS, 0);

/** Of one port, for which the unit is as strict as it gets; with `more` checks, which that unit may be in the way of. */
export const strictConfig = (more: Readonly<Record<string, object>> = {}): string =>
  configOf({ tcp: CHECKS.tcp, ...more }, 0);

const configOf = (all: Readonly<Record<string, object>>, drainDelayMs: number): string =>
  JSON.stringify(
    {
      listener: "0.0.0.0:5000",
      "drain-delay": drainDelayMs === 0 ? 0 : `${drainDelayMs}ms`,
      deadline: `${SLOW_MS / 1000}s`,
      defaults: { timeout: `${SLOW_MS / 1000}s` },
      checks: Object.entries(all).map(([name, check]) => ({ name, ...check })),
      endpoints: Object.fromEntries(Object.keys(all).map((name) => [`/${name}`, [name]])),
    },
    null,
    1,
  );

/** Of the first start. */
export const checkCount = Object.keys({ ...CHECKS, ...SCRIPTS, ...SLOW_CHECK }).length;

export async function writeConfig(text: string): Promise<void> {
  await mkdir(dirname(CONFIG), { recursive: true });
  await writeFile(CONFIG, text);
}

/** Makes the scripts do what `sign` says, or no more. */
export const raise = (sign: "hungry" | "detaching"): Promise<void> => writeFile(`${SIGNS}/${sign}`, "");
export const lower = (sign: "hungry" | "detaching"): Promise<void> => rm(`${SIGNS}/${sign}`);

/** The program is installed, its user is there, and so is everything that the checks look at. */
export async function setTheStage(): Promise<void> {
  await writeFile(PROGRAM, "");
  await must("mount", "--bind", `${PAYLOAD}/health-checker`, PROGRAM);
  await writeFile("/usr/lib/sysusers.d/health-checker.conf", 'u health-checker - "health-checker"\n');
  await must("systemd-sysusers");
  await mkdir(SIGNS, { mode: 0o755 });
  for (const [name, lines] of Object.entries(SERVERS))
    await writeFile(`/etc/systemd/system/drill-${name}.service`, `[Service]\n${lines}\n`);
  await must("systemctl", "daemon-reload");
  await must("systemctl", "start", "--no-block", ...serverNames.map(unitOf));
  await answerPings(7000);
  answerHealthCalls(9000);
  await writeConfig(config(SLOW_CHECK));
  await installUnit(CONFIG);
}

/** As the program prints it. */
export async function installUnit(configFile: string): Promise<void> {
  await writeFile(`/etc/systemd/system/${UNIT}`, await must(PROGRAM, "unit", "--config", configFile));
  await must("systemctl", "daemon-reload");
}

/** All of the servers take connections. */
export async function serversListen(): Promise<void> {
  for (const name of serverNames)
    await until(() => listens(PORTS[name]), SLOW_MS, `${name} to listen`).catch(async (error) => {
      throw new Error(
        `${error.message}: ${(await run("journalctl", "--no-pager", "-o", "cat", "-u", unitOf(name))).out}`,
      );
    });
}

export const unitOf = (server: ServerName): string => `drill-${server}.service`;

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.end());
  });
}
