// A Debian root that boots: built once by mmdebstrap as one read-only disk with its kernel,
// and kept in the user's cache folder under a name that says what it was made of.

import { mkdir, mkdtemp, readFile, rename, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export interface Root {
  /** An ext4 file system, never written to. */
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
}

const SUITE = "bookworm";

/** What boots, and what the checks look at. */
const PACKAGES = [
  ...["systemd", "systemd-sysv", "udev", "dbus", "kmod", "linux-image-cloud-amd64", "procps"],
  ...["redis-server", "nginx-light", "dnsmasq-base", "postgresql", "mariadb-server"],
];

const FINISH = join(import.meta.dir, "finish-root.sh");

/** Without what nobody in there reads. */
const LEFT_OUT = ["doc", "man", "info", "locale", "lintian", "bash-completion", "mysql/mysql-test"];

/** The root of before, or a new one: a minute, some 300 MB to fetch and 900 MB on the disk. */
export async function buildRoot(): Promise<Root> {
  const cache = join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "health-checker-vm");
  const words = [
    "--mode=root",
    "--variant=minbase",
    `--include=${PACKAGES.join(",")}`,
    '--aptopt=Apt::Install-Recommends "false"',
    ...LEFT_OUT.map((folder) => `--dpkgopt=path-exclude=/usr/share/${folder}/*`),
  ];
  const key = new Bun.CryptoHasher("sha256").update(JSON.stringify([SUITE, words, await readFile(FINISH, "utf8")]));
  const folder = join(cache, key.digest("hex").slice(0, 16));
  if (!(await exists(folder))) {
    await mkdir(cache, { recursive: true });
    const unfinished = await mkdtemp(join(cache, "unfinished-"));
    try {
      await run([
        ...["mmdebstrap", "--quiet", ...words],
        `--customize-hook=sh '${FINISH}' "$1" '${unfinished}'`,
        ...[SUITE, "/dev/null", ...(await sources())],
      ]);
      // Somebody else may have built it meanwhile.
      await rename(unfinished, folder).catch(async (error) => {
        if (!(await exists(folder))) throw error;
      });
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  return { disk: join(folder, "root.img"), kernel: join(folder, "vmlinuz"), initrd: join(folder, "initrd") };
}

/** This host's own, where it runs the same Debian; mmdebstrap knows where else there is one. */
async function sources(): Promise<readonly string[]> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  if (!/^ID=debian$/m.test(release) || !release.includes(`VERSION_CODENAME=${SUITE}\n`)) return [];
  const found: string[] = [];
  for (const name of ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"])
    if (/^(deb |URIs:)/m.test(await readFile(name, "utf8").catch(() => ""))) found.push(name);
  return found;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

async function run(command: readonly string[]): Promise<void> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const said = await Promise.all([child.stdout.text(), child.stderr.text()]);
  if ((await child.exited) !== 0) throw new Error(`${command[0]} failed: ${said.join("").slice(-4000)}`);
}
