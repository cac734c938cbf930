// A test that needs a program or a server runs wherever that is. Where it is not,
// it is skipped and says why; in CI (environment CI) it fails, so that nothing is
// skipped unseen.

import { test } from "bun:test";
import { existsSync } from "node:fs";
import { plainEnvironment } from "./child.ts";
import { POSTGRES_PROGRAMS } from "./databases.ts";
import { RABBITMQ_SERVER } from "./rabbitmq.ts";

/** The Debian package that has it, and how it is found: on the PATH, as a file, or on its port. */
const THINGS = {
  haproxy: { package: "haproxy" },
  chromium: { package: "chromium" },
  dnsmasq: { package: "dnsmasq-base" },
  nginx: { package: "nginx-light" },
  openssl: { package: "openssl" },
  java: { package: "default-jre-headless" },
  ZooKeeper: { package: "libzookeeper-java", file: "/usr/share/java/zookeeper.jar" },
  supervisord: { package: "supervisor" },
  bash: { package: "bash" },
  zsh: { package: "zsh" },
  fish: { package: "fish" },
  groff: { package: "groff" },
  man: { package: "man-db" },
  mandoc: { package: "mandoc" },
  dash: { package: "dash" },
  busybox: { package: "busybox" },
  wget: { package: "wget" },
  shellcheck: { package: "shellcheck" },
  "bash-completion": { package: "bash-completion", file: "/usr/share/bash-completion/bash_completion" },
  "qemu-aarch64": { package: "qemu-user" },
  "qemu-x86_64": { package: "qemu-user" },
  "the C library for amd64": { package: "libc6:amd64", file: "/lib64/ld-linux-x86-64.so.2" },
  "the C library for arm64": {
    package: "libc6-arm64-cross",
    file: "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1",
  },
  "the Nagios plugins": { package: "monitoring-plugins-basic", file: "/usr/lib/nagios/plugins/check_disk" },
  NRPE: { package: "nagios-nrpe-server", file: "/usr/sbin/nrpe" },
  check_nrpe: { package: "nagios-nrpe-plugin", file: "/usr/lib/nagios/plugins/check_nrpe" },
  flock: { package: "util-linux" },
  strip: { package: "binutils" },
  python3: { package: "python3" },
  systemctl: { package: "systemd" },
  "systemd-analyze": { package: "systemd" },
  "dpkg-deb": { package: "dpkg" },
  rpmbuild: { package: "rpm" },
  lintian: { package: "lintian" },
  mmdebstrap: { package: "mmdebstrap" },
  "qemu-system-x86_64": { package: "qemu-system-x86" },
  mke2fs: { package: "e2fsprogs" },
  "PostgreSQL's initdb": { package: "postgresql", file: `${POSTGRES_PROGRAMS}/initdb` },
  mariadbd: { package: "mariadb-server" },
  Galera: { package: "galera-4", file: "/usr/lib/galera/libgalera_smm.so" },
  patroni: { package: "patroni" },
  etcd: { package: "etcd-server" },
  RabbitMQ: { package: "rabbitmq-server", file: RABBITMQ_SERVER },
  epmd: { package: "erlang-base" },
  chronyd: { package: "chrony" },
  "redis-server": { package: "redis-server" },
  prometheus: { package: "prometheus" },
  promtool: { package: "prometheus" },
  "prometheus-node-exporter": { package: "prometheus-node-exporter" },
  "PostgreSQL on port 5432": { package: "postgresql", port: 5432 },
  "Redis on port 6379": { package: "redis-server", port: 6379 },
  "MariaDB on port 3306": { package: "mariadb-server", port: 3306 },
} as const satisfies Readonly<Record<string, { package: string; file?: string; port?: number }>>;

export type Need = keyof typeof THINGS;

/** Resolves with bun's `test`, for bodies that cannot run without `things`. */
export async function needs(...things: readonly Need[]) {
  const missing: Need[] = [];
  for (const thing of things) if (!(await isThere(thing))) missing.push(thing);
  const packages = missing.map((thing) => THINGS[thing].package).join(" ");
  return unless(missing.length > 0 && `no ${missing.join(", no ")}; apt-get install ${packages}`);
}

/** bun's `test`, for bodies that freeze a cgroup or mount a file. */
export const asRoot = unless(process.getuid?.() !== 0 && "not root");

/** bun's `test`, for bodies that run programs of this machine's kind elsewhere. */
export const onX64 = unless(process.arch !== "x64" && "not x86-64");

function unless(why: string | false) {
  return (name: string, body: () => Promise<void>, timeoutMs: number): void => {
    const fail = () => {
      throw new Error(why || "");
    };
    if (why === false) test(name, body, timeoutMs);
    else if (process.env["CI"]) test(name, fail);
    else test.skip(`${name} (skipped: ${why})`, body);
  };
}

async function isThere(thing: Need): Promise<boolean> {
  const what = THINGS[thing];
  if ("file" in what) return existsSync(what.file);
  if (!("port" in what)) return Bun.which(thing, { PATH: plainEnvironment()["PATH"] ?? "" }) !== null;
  try {
    (await Bun.connect({ hostname: "127.0.0.1", port: what.port, socket: { data() {} } })).end();
    return true;
  } catch {
    return false;
  }
}
