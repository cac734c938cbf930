// Database servers of a test's own, each on an address of its own, with passwords.

import { existsSync, readdirSync } from "node:fs";
import { chown, cp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Child, plainEnvironment, startChild } from "./child.ts";
import { freePort, loopbackAddress } from "./loopback.ts";
import { tempFolder } from "./temp.ts";
import { until } from "./until.ts";

/** Must be in no message: what the tests look for. */
export const PASSWORD = "geheim p@ss:w/o?rd%";
export const ENCODED = encodeURIComponent(PASSWORD);

export interface Server extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Of the server, for a socket file in it too. */
  readonly folder: string;
  /** Stops the process as SIGSTOP does: the kernel goes on accepting for it. */
  freeze(): void;
  resume(): void;
  /** Ends it: all that it has logged. */
  logAtEnd(): Promise<string>;
}

/** Where Debian has the newest. */
export const POSTGRES_PROGRAMS = join(
  "/usr/lib/postgresql",
  existsSync("/usr/lib/postgresql") ? (readdirSync("/usr/lib/postgresql").sort().at(-1) ?? "none") : "none",
  "bin",
);

/** Servers refuse to run as root. */
const ROOT = process.getuid?.() === 0;
const NOBODY = 65_534;
export const AS_NOBODY = ROOT ? ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"] : [];

const START_MS = 60_000;

export interface PostgresOptions {
  /** Lines of postgresql.conf. */
  readonly settings?: readonly string[];
  /** In recovery for ever, as a standby whose primary is gone. */
  readonly standby?: boolean;
  /** PEM files' contents. */
  readonly tls?: { readonly key: string; readonly certificate: string };
  /** What its log says once it is as the test wants it. */
  readonly until?: string;
}

/** User postgres with PASSWORD by SCRAM, over TCP and on the socket file in `folder`. */
export async function startPostgres({
  settings = [],
  standby,
  tls,
  until: sign,
}: PostgresOptions = {}): Promise<Server> {
  const folder = await tempFolder();
  const data = join(folder.path, "data");
  await cp(await postgresTemplate(), data, { recursive: true });
  if (standby) await writeFile(join(data, "standby.signal"), "");
  if (tls) {
    await writeFile(join(data, "server.key"), tls.key, { mode: 0o600 });
    await writeFile(join(data, "server.crt"), tls.certificate);
  }
  const host = loopbackAddress();
  const port = freePort(host);
  const lines = [
    `listen_addresses = '${host}'`,
    `port = ${port}`,
    `unix_socket_directories = '${folder.path}'`,
    "fsync = off",
    "shared_buffers = 1MB",
    "dynamic_shared_memory_type = mmap",
    ...(tls ? ["ssl = on"] : []),
    ...settings,
  ];
  await writeFile(join(data, "postgresql.conf"), lines.join("\n"));
  await giveAway(folder.path);
  const child = startChild([...AS_NOBODY, `${POSTGRES_PROGRAMS}/postgres`, "-D", data], { cwd: folder.path });
  return started(child, { host, port, folder }, sign ?? "ready to accept connections", "SIGINT");
}

let template: Promise<string> | undefined;

/** Once no more are to be started. */
export async function removePostgresTemplate(): Promise<void> {
  if (template) await rm(dirname(await template), { recursive: true, force: true });
  template = undefined;
}

/** The data folder of a new server. initdb takes its time, a copy does not. */
export function postgresTemplate(): Promise<string> {
  template ??= (async () => {
    const folder = await tempFolder();
    const file = await folder.write("password", PASSWORD);
    const data = join(folder.path, "data");
    await giveAway(folder.path);
    await run([
      ...AS_NOBODY,
      `${POSTGRES_PROGRAMS}/initdb`,
      ...["-D", data, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${file}`],
      ...["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C"],
    ]);
    return data;
  })();
  return template;
}

export interface MariadbOptions {
  readonly settings?: readonly string[];
  readonly tls?: PostgresOptions["tls"];
}

/** User health with PASSWORD and all rights, and nobody with neither. */
export async function startMariadb({ settings = [], tls }: MariadbOptions = {}): Promise<Server> {
  const folder = await tempFolder();
  const data = join(folder.path, "data");
  await mkdir(data);
  const init = await folder.write(
    "init.sql",
    `CREATE OR REPLACE USER health IDENTIFIED BY '${PASSWORD}';\nGRANT ALL ON *.* TO health;\nCREATE OR REPLACE USER nobody;\n`,
  );
  if (tls) {
    await folder.write("key.pem", tls.key);
    await folder.write("certificate.pem", tls.certificate);
  }
  await giveAway(folder.path);
  await run([
    ...AS_NOBODY,
    "mariadb-install-db",
    ...["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db"],
  ]);
  const host = loopbackAddress();
  const port = freePort(host);
  const child = startChild(
    [
      ...AS_NOBODY,
      "mariadbd",
      ...["--no-defaults", `--datadir=${data}`, `--bind-address=${host}`, `--port=${port}`],
      ...[`--socket=${folder.path}/mysqld.sock`, `--pid-file=${folder.path}/pid`, `--init-file=${init}`],
      ...["--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--skip-name-resolve"],
      ...(tls ? [`--ssl-key=${folder.path}/key.pem`, `--ssl-cert=${folder.path}/certificate.pem`] : []),
      ...settings,
    ],
    { cwd: folder.path },
  );
  return started(child, { host, port, folder }, "ready for connections", "SIGTERM");
}

export interface RedisOptions {
  /** Lines of redis.conf. */
  readonly settings?: readonly string[];
  /** An own copy of the dump to load. */
  readonly dump?: Uint8Array;
  readonly until?: string;
}

export async function startRedis({ settings = [], dump, until: sign }: RedisOptions = {}): Promise<Server> {
  const folder = await tempFolder();
  const host = loopbackAddress();
  const port = freePort(host);
  if (dump) await Bun.write(join(folder.path, "dump.rdb"), dump);
  const config = await folder.write(
    "redis.conf",
    [
      `bind ${host}`,
      `port ${port}`,
      `dir ${folder.path}`,
      `unixsocket ${folder.path}/redis.sock`,
      'save ""',
      ...settings,
    ].join("\n"),
  );
  const child = startChild(["redis-server", config], { cwd: folder.path });
  return started(child, { host, port, folder }, sign ?? "Ready to accept connections", "SIGTERM");
}

interface Place {
  readonly host: string;
  readonly port: number;
  readonly folder: Awaited<ReturnType<typeof tempFolder>>;
}

async function started(
  child: Child,
  { host, port, folder }: Place,
  sign: string,
  end: NodeJS.Signals,
): Promise<Server> {
  const log = () => [...child.out, ...child.err].join("\n");
  const dispose = async () => {
    child.kill("SIGCONT");
    if (!child.hasExited()) child.kill(end);
    await child[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  };
  try {
    await until(() => child.hasExited() || log().includes(sign), START_MS, `the server to say "${sign}"`);
    if (child.hasExited()) throw new Error(`the server exited with ${await child.exited}`);
  } catch (error) {
    await dispose();
    throw new Error(`${error instanceof Error ? error.message : error}\n${log()}`);
  }
  return {
    host,
    port,
    folder: folder.path,
    freeze: () => child.kill("SIGSTOP"),
    resume: () => child.kill("SIGCONT"),
    async logAtEnd() {
      await dispose();
      await child.ended;
      return log();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** To the user that the servers run as. */
export async function giveAway(folder: string): Promise<void> {
  if (!ROOT) return;
  await chown(folder, NOBODY, NOBODY);
  for (const name of await readdir(folder, { recursive: true })) await chown(join(folder, name), NOBODY, NOBODY);
}

/** Resolves with what it printed; rejects where it fails. */
export async function run(command: readonly string[]): Promise<string> {
  const child = Bun.spawn([...command], { env: plainEnvironment(), cwd: "/", stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed: ${out}${err}`);
  return out;
}
