// The deb and the rpm: what is in them runs, and a host without systemd installs, upgrades and removes them.
// test/e2e/vm/ has the deb on a host with systemd.

import { afterAll, expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { buildDeb } from "../../packaging/deb.ts";
import type { PackageInput } from "../../packaging/package.ts";
import { buildRpm } from "../../packaging/rpm.ts";
import { binary, build, ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { asRoot, needs } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { type ThrowawayRoot, throwawayRoot } from "../support/throwaway-root.ts";

const REPOSITORY = "https://git.test/someone/health-checker";
const ARM64_LIBRARIES = "/usr/aarch64-linux-gnu";
const CONFIG = "/etc/health-checker/config.yaml";
const UPGRADE = "9.0.0";
const EPOCH_S = 1_750_000_000;
const TIMEOUT_MS = 120_000;

const withPrograms = await needs("dpkg-deb", "rpmbuild");
const withLintian = await needs("dpkg-deb", "lintian");
const withArm64 = await needs("dpkg-deb", "rpmbuild", "qemu-aarch64", "the C library for arm64");
const inRoot = process.getuid?.() === 0 ? withPrograms : asRoot;

const BUILDERS = { deb: buildDeb, rpm: buildRpm };
const TYPES = ["deb", "rpm"] as const;
type Type = (typeof TYPES)[number];
type Architecture = PackageInput["architecture"];

const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());
const folder: TempFolder = stack.use(await tempFolder());

let arm64: Promise<string> | undefined;

function binaryFor(architecture: Architecture): Promise<string> {
  if (architecture === "amd64") return binary();
  arm64 ??= build("--only", "health-checker_linux_arm64").then(() => join(ROOT, "dist/health-checker_linux_arm64"));
  return arm64;
}

interface Wanted {
  readonly version?: string;
  readonly folder?: string;
}

const packages = new Map<string, Promise<string>>();

/** Each is made once, unless it is to be in another folder. */
function packageOf(type: Type, architecture: Architecture, wanted: Wanted = {}): Promise<string> {
  const key = JSON.stringify([type, architecture, wanted]);
  const made =
    packages.get(key) ??
    binaryFor(architecture).then((file) =>
      BUILDERS[type]({
        architecture,
        binary: file,
        version: wanted.version ?? version,
        repository: REPOSITORY,
        epochS: EPOCH_S,
        folder: wanted.folder ?? folder.path,
        compressed: false,
      }),
    );
  packages.set(key, made);
  return made;
}

/** Lines of stdout and stderr; throws where it fails. */
async function run(...command: readonly string[]): Promise<readonly string[]> {
  await using child = startChild(command);
  const [status] = await Promise.all([child.exited, child.ended]);
  const said = [...child.out, ...child.err];
  if (status !== 0) throw new Error(`${command[0]} exited with ${status}: ${said.join("\n")}`);
  return said;
}

const UNPACK = { deb: 'dpkg-deb -x "$1" "$2"', rpm: 'rpm2archive -n - <"$1" | tar -C "$2" -x' };

async function unpack(type: Type, file: string): Promise<string> {
  const into = `${file}.unpacked`;
  await mkdir(into);
  await run("sh", "-ec", UNPACK[type], "sh", file, into);
  return into;
}

for (const type of TYPES) {
  for (const architecture of ["amd64", "arm64"] as const) {
    const test = architecture === "arm64" ? withArm64 : withPrograms;
    const emulator = architecture === "arm64" ? ["qemu-aarch64", "-L", ARM64_LIBRARIES] : [];

    test(
      `the program in the ${type} for ${architecture} is the whole program, and runs`,
      async () => {
        const tree = await unpack(type, await packageOf(type, architecture));
        const program = join(tree, "usr/bin/health-checker");
        await run("cmp", program, await binaryFor(architecture));
        const [line] = await run(...emulator, program, "--version");
        expect(line).toBe(`health-checker version v${version}`);
      },
      TIMEOUT_MS,
    );
  }

  withPrograms(
    `the ${type} is the same bytes when it is made again`,
    async () => {
      const hash = async (file: string) => Bun.CryptoHasher.hash("sha256", await Bun.file(file).bytes(), "hex");
      await mkdir(join(folder.path, "again"), { recursive: true });
      const again = await packageOf(type, "amd64", { folder: join(folder.path, "again") });
      expect(await hash(again)).toBe(await hash(await packageOf(type, "amd64")));
    },
    TIMEOUT_MS,
  );
}

const FILES = [
  "/etc/health-checker/config.yaml",
  "/usr/bin/health-checker",
  "/usr/lib/systemd/system/health-checker.service",
  "/usr/lib/sysusers.d/health-checker.conf",
  "/usr/share/doc/health-checker/CHANGELOG.md.gz",
  "/usr/share/doc/health-checker/README.md.gz",
  "/usr/share/doc/health-checker/THIRD-PARTY-NOTICES.txt.gz",
];

withPrograms(
  "they hold the same files, beside what each kind of package has for itself",
  async () => {
    const [deb, rpm] = await Promise.all([packageOf("deb", "amd64"), packageOf("rpm", "amd64")]);
    const inDeb = (await run("dpkg-deb", "--contents", deb)).flatMap((line) => / \.(\/.*[^/])$/.exec(line)?.[1] ?? []);
    expect(inDeb).toEqual(expect.arrayContaining(FILES));
    const inRpm = await run("rpm", "--query", "--list", "--package", rpm);
    expect(inRpm).toEqual(expect.arrayContaining(FILES));
    expect(await run("rpm", "--query", "--configfiles", "--package", rpm)).toEqual([CONFIG]);
    expect(await run("dpkg-deb", "--info", deb, "conffiles")).toEqual([CONFIG]);
    const manPage = "tar -xO ./usr/share/man/man1/health-checker.1.gz | zcat";
    const [head] = await run("sh", "-ec", `dpkg-deb --fsys-tarfile "$1" | ${manPage}`, "sh", deb);
    expect(head).toContain(new Date(EPOCH_S * 1000).toISOString().slice(0, 10));
  },
  TIMEOUT_MS,
);

withLintian(
  "lintian finds no error in the deb; a stand-in for the program saves a minute, and release.ts has the whole package",
  async () => {
    const own = join(folder.path, "stand-in");
    await mkdir(own);
    const file = await buildDeb({
      architecture: "amd64",
      binary: "/bin/true",
      version,
      repository: REPOSITORY,
      epochS: EPOCH_S,
      folder: own,
    });
    const said = await run("lintian", "--allow-root", "--fail-on=none", file);
    expect(said.filter((line) => line.startsWith("E: "))).toEqual([]);
  },
  TIMEOUT_MS,
);

/** What a host has of health-checker; the user stays for good. */
const leftOvers = (root: ThrowawayRoot) =>
  root.must(
    ...["find", "/etc", "/usr", "/run", "/var/lib/systemd", "-xdev", "-name", "*health-checker*"],
    ...["-not", "-path", "/usr/share/lintian/*"],
  );

/** The program of the package answers for the checks of its config file, as its user. */
async function answersAsItsUser(root: ThrowawayRoot): Promise<void> {
  const user = ["--reuid=health-checker", "--regid=health-checker", "--clear-groups"];
  await using daemon = await startDaemon(["--config", CONFIG], {
    command: root.command("setpriv", ...user, "/usr/bin/health-checker"),
  });
  expect(await daemon.ask()).toMatchObject({ status: 200, body: "OK" });
  expect(await daemon.stop()).toBe(0);
}

const OWN_LINE = "# This host's own line.";
const writeOwnLine = (root: ThrowawayRoot) => root.must("sh", "-c", `echo "${OWN_LINE}" >>${CONFIG}`);
const lastLine = async (root: ThrowawayRoot, file: string) => (await root.must("cat", file)).at(-1);

inRoot(
  "the deb is installed, upgraded, removed and purged on a host without systemd",
  async () => {
    const [old, upgrade] = await Promise.all([
      packageOf("deb", "amd64"),
      packageOf("deb", "amd64", { version: UPGRADE }),
    ]);
    await using root = await throwawayRoot(folder.path);
    const before = await leftOvers(root);
    const install = (file: string) => root.must("dpkg", "--install", file.replace(folder.path, "/shared"));

    await install(old);
    expect(await root.must("getent", "passwd", "health-checker")).toEqual([
      expect.stringMatching(/^health-checker:[^:]*:\d+:\d+:[^:]*:\/:\/usr\/sbin\/nologin$/),
    ]);
    await answersAsItsUser(root);
    await writeOwnLine(root);

    await install(upgrade);
    expect(await root.must("dpkg-query", "--show", "health-checker")).toEqual([`health-checker\t${UPGRADE}`]);
    expect(await lastLine(root, CONFIG)).toBe(OWN_LINE);
    await answersAsItsUser(root);

    await root.must("dpkg", "--remove", "health-checker");
    expect((await root.run("test", "-e", "/usr/bin/health-checker")).status).toBe(1);
    expect(await lastLine(root, CONFIG)).toBe(OWN_LINE);

    await root.must("sh", "-c", "echo secret >/etc/health-checker/token; mkdir -p /run/health-checker");
    await root.must("dpkg", "--purge", "health-checker");
    expect(await leftOvers(root)).toEqual(before);
  },
  TIMEOUT_MS,
);

inRoot(
  "the rpm is installed, upgraded and removed on a host that has no systemd-sysusers either",
  async () => {
    const [old, upgrade] = await Promise.all([
      packageOf("rpm", "amd64"),
      packageOf("rpm", "amd64", { version: UPGRADE }),
    ]);
    await using root = await throwawayRoot(folder.path);
    await root.must("rm", "-f", "/usr/bin/systemd-sysusers");
    const before = await leftOvers(root);
    // This host's own packages are not in rpm's database.
    const rpm = (how: string, file: string) => root.must("rpm", how, "--nodeps", file.replace(folder.path, "/shared"));

    await rpm("--install", old);
    expect(await root.must("rpm", "--verify", "--nodeps", "health-checker")).toEqual([]);
    await answersAsItsUser(root);
    await writeOwnLine(root);

    await rpm("--upgrade", upgrade);
    expect(await root.must("rpm", "--query", "--queryformat=%{VERSION}\\n", "health-checker")).toEqual([UPGRADE]);
    expect(await lastLine(root, CONFIG)).toBe(OWN_LINE);
    await answersAsItsUser(root);

    await root.must("rpm", "--erase", "health-checker");
    expect(await lastLine(root, `${CONFIG}.rpmsave`)).toBe(OWN_LINE);
    await root.must("rm", "-r", "/etc/health-checker");
    expect(await leftOvers(root)).toEqual(before);
  },
  TIMEOUT_MS,
);
