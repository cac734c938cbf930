// packaging/install.sh in three shells, in a sandbox: its PATH has what it needs and nothing else, its /usr/local is a
// folder, and the program of the release is a script. test/e2e/install.test.ts installs a real release.

import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, symlink, truncate } from "node:fs/promises";
import { join } from "node:path";
import { tarGz } from "../../packaging/archive.ts";
import { INSTALLER, installScript } from "../../packaging/installer.ts";
import { startChild } from "../support/child.ts";
import { serveFolder } from "../support/file-server.ts";
import { asRoot, needs } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";

const SHELLS = [["dash"], ["busybox", "sh"], ["bash", "--posix"]] as const;
const TOOLS = ["cat", "chmod", "cp", "curl", "gzip", "ldd", "mkdir", "mktemp", "mv", "rm", "sha256sum", "tar", "uname"];
const ARCHIVE = "health-checker_1.2.3_linux_amd64.tar.gz";
const REPOSITORY = "https://github.com/me/health-checker";
const NOBODY = 65534;
const TEST_MS = 60_000;
/** Where a download is cut, at most so many bytes apart. */
const CUT_BYTES = 30;

const programOf = (version: string) => `#!/bin/sh\necho "health-checker version v${version}"\n`;
const OLD = programOf("1.0.0");
const NEW = programOf("1.2.3");

type Shell = readonly [string, ...string[]];
type Sandbox = Awaited<ReturnType<typeof newSandbox>>;

interface Settings {
  readonly variables?: Readonly<Record<string, string>>;
  /** Scripts in PATH. */
  readonly stubs?: Readonly<Record<string, string>>;
  /** Of the machine's own, besides TOOLS. */
  readonly more?: readonly string[];
  /** Of TOOLS, those that this host lacks. */
  readonly without?: readonly string[];
  readonly repository?: string;
  readonly uid?: number;
}

interface Refusal extends Settings {
  readonly why: string;
  readonly because: RegExp;
  readonly program?: string;
  prepare?(sandbox: Sandbox): Promise<unknown>;
}

const withShells = await needs("dash", "busybox", "bash", "wget");
const withNobody = process.getuid?.() === 0 ? withShells : asRoot;
const withShellcheck = await needs("shellcheck");

/** A release of `program` as version 1.2.3, and an older program in usr/local/bin. */
async function newSandbox(program = NEW) {
  const folder = await tempFolder();
  const { path: root, write } = folder;
  for (const name of ["", "tmp", "home"]) {
    await mkdir(join(root, name), { recursive: true });
    await chmod(join(root, name), 0o777);
  }
  await write("usr/local/bin/health-checker", OLD, 0o755);
  const bytes = tarGz([
    { name: "LICENSE", bytes: Buffer.from("MIT") },
    { name: "health-checker", bytes: Buffer.from(program), isProgram: true },
  ]);
  await Bun.write(join(root, "release", ARCHIVE), bytes);
  const sums = ["health-checker_1.2.3_linux_amd64_musl.tar.gz", "health-checker_linux_amd64", ARCHIVE].map((name) => {
    const hash = createHash("sha256").update(name === ARCHIVE ? bytes : name);
    return `${hash.digest("hex")}  ${name}\n`;
  });
  await write("release/SHA256SUMS", sums.join(""));
  const installed = join(root, "usr/local/bin/health-checker");
  return { root, write, release: join(root, "release"), installed, [Symbol.asyncDispose]: folder[Symbol.asyncDispose] };
}

/** What the script does, piped into a shell as `curl … | sh` does it. */
async function install(shell: Shell, sandbox: Sandbox, settings: Settings = {}) {
  const { root, write } = sandbox;
  const { repository, uid, variables = {}, stubs = {}, more = [], without = [] } = settings;
  const text = repository === undefined ? await Bun.file(INSTALLER).text() : await installScript(repository);
  const script = await write("install.sh", text.replaceAll("/usr/local", `${root}/usr/local`));
  const bin = join(root, "bin");
  await rm(bin, { recursive: true, force: true });
  await mkdir(bin);
  const own = [...TOOLS, ...more].filter((name) => !without.includes(name) && !(name in stubs));
  for (const name of own) await symlink(Bun.which(name) ?? name, join(bin, name));
  await write("bin/uname", `#!/bin/sh\ncase $1 in -s) echo Linux ;; -m) echo x86_64 ;; esac\n`, 0o755);
  for (const [name, stub] of Object.entries(stubs)) await write(`bin/${name}`, `#!/bin/sh\n${stub}\n`, 0o755);

  const [interpreter, ...words] = shell;
  const assignments = Object.entries({ PATH: bin, HOME: `${root}/home`, TMPDIR: `${root}/tmp`, ...variables });
  await using child = startChild([
    ...(uid === undefined ? [] : ["setpriv", `--reuid=${uid}`, "--clear-groups"]),
    ...["sh", "-c", '"$@" <"$0"', script, "env", "-i", ...assignments.map((pair) => pair.join("="))],
    ...[Bun.which(interpreter) ?? interpreter, ...words],
  ]);
  const [exitCode] = await Promise.all([child.exited, child.ended]);
  expect(await readdir(join(root, "tmp"))).toEqual([]);
  return { exitCode, out: child.out.join("\n"), err: child.err.join("\n") };
}

/** In each shell, so that none is forgotten. */
function inShells(name: string, body: (shell: Shell) => Promise<void>, testIt = withShells): void {
  for (const shell of SHELLS) testIt(`${name} (${shell[0]})`, () => body(shell), TEST_MS);
}

async function expectInstalled(folder: string): Promise<void> {
  const program = join(folder, "health-checker");
  expect(await readFile(program, "utf8")).toBe(NEW);
  expect((await stat(program)).mode & 0o777).toBe(0o755);
  expect(await readdir(folder)).toEqual(["health-checker"]);
}

inShells("the latest release replaces the program by rename, and its message says what to do next", async (shell) => {
  await using sandbox = await newSandbox();
  using server = serveFolder(sandbox.release);
  const before = await stat(sandbox.installed);
  const repository = `${server.url}/me/health-checker`;
  const { exitCode, out, err } = await install(shell, sandbox, { repository });
  const from = `${repository}/releases/latest/download`;
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: `health-checker: downloading ${from}/${ARCHIVE}` });
  const { root } = sandbox;
  expect(out.replaceAll(root, "").split("\n")).toEqual([
    "health-checker: installed v1.2.3 as /usr/local/bin/health-checker",
    '/usr/local/bin is not in PATH: export PATH="/usr/local/bin:$PATH"',
    "A running daemon is still the old program. Before you restart it: /usr/local/bin/health-checker validate CONFIG",
    `What next: ${repository}/blob/v1.2.3/docs/install.md`,
  ]);
  const paths = ["SHA256SUMS", ARCHIVE].map((name) => `/me/health-checker/releases/latest/download/${name}`);
  expect(server.requests).toEqual(paths);
  await expectInstalled(join(root, "usr/local/bin"));
  expect((await stat(sandbox.installed)).ino).not.toBe(before.ino);
});

inShells("VERSION, with a v or without, and PREFIX; with wget where there is no curl", async (shell) => {
  await using sandbox = await newSandbox();
  using server = serveFolder(sandbox.release);
  const prefix = join(sandbox.root, "opt/some where");
  for (const VERSION of ["1.2.3", "v1.2.3"]) {
    const { exitCode, out, err } = await install(shell, sandbox, {
      repository: `${server.url}/me/health-checker`,
      variables: { VERSION, PREFIX: `${prefix}/` },
      without: ["curl"],
      more: ["wget"],
    });
    expect({ exitCode, err, out }).toMatchObject({ exitCode: 0, out: expect.stringContaining(`as ${prefix}/bin/`) });
  }
  expect(new Set(server.requests)).toEqual(
    new Set(["SHA256SUMS", ARCHIVE].map((name) => `/me/health-checker/releases/download/v1.2.3/${name}`)),
  );
  await expectInstalled(join(prefix, "bin"));
  expect(await readFile(sandbox.installed, "utf8")).toBe(OLD);
});

inShells("BASE_URL is a folder or a URL, and needs no repository", async (shell) => {
  await using sandbox = await newSandbox();
  using server = serveFolder(sandbox.release);
  const { root, release } = sandbox;
  for (const BASE_URL of [release, `${release}/`, `file://${release}`, `${server.url}/mirror/`]) {
    await rm(join(root, "opt"), { recursive: true, force: true });
    const without = BASE_URL.startsWith("http") ? [] : ["curl"];
    const { exitCode, out } = await install(shell, sandbox, {
      variables: { BASE_URL, PREFIX: `${root}/opt` },
      without,
    });
    expect({ BASE_URL, exitCode, out }).toMatchObject({ exitCode: 0, out: expect.stringContaining("Try it: ") });
    await expectInstalled(join(root, "opt/bin"));
  }
});

inShells("any of three programs verifies the checksum", async (shell) => {
  await using sandbox = await newSandbox();
  const variables = { BASE_URL: sandbox.release };
  for (const [program, stub] of [
    ["shasum", `[ "$*" = "-a 256" ] && exec ${Bun.which("sha256sum")}`],
    ["openssl", `[ "$*" = "dgst -sha256 -r" ] && ${Bun.which("sha256sum")} | { read -r sum _; echo "$sum *stdin"; }`],
  ] as const) {
    const { exitCode, err } = await install(shell, sandbox, {
      ...{ variables, without: ["sha256sum"] },
      stubs: { [program]: stub },
    });
    expect({ program, exitCode, err }).toMatchObject({ exitCode: 0 });
  }
});

inShells("gh verifies who built the archive, if it is logged in", async (shell) => {
  await using sandbox = await newSandbox();
  const { root, release: BASE_URL } = sandbox;
  for (const login of [0, 1]) {
    const gh = `echo "$*" >> ${root}/calls; [ "$1" != auth ] || exit ${login}`;
    const run = await install(shell, sandbox, { repository: REPOSITORY, variables: { BASE_URL }, stubs: { gh } });
    expect(run.exitCode).toBe(0);
    expect(run.err.includes("gh is not logged in")).toBe(login === 1);
  }
  const calls = (await readFile(join(root, "calls"), "utf8")).replace(/\S+\/(?=health-checker_)/, "");
  expect(calls).toBe(`auth status\nattestation verify ${ARCHIVE} --repo me/health-checker\nauth status\n`);
});

inShells(
  "without the right to write to /usr/local/bin it installs to ~/.local/bin",
  async (shell) => {
    await using sandbox = await newSandbox();
    const { root, release: BASE_URL } = sandbox;
    const { exitCode, out } = await install(shell, sandbox, { variables: { BASE_URL }, uid: NOBODY });
    expect({ exitCode, out }).toMatchObject({ exitCode: 0, out: expect.stringContaining(".local/bin is not in PATH") });
    await expectInstalled(join(root, "home/.local/bin"));
    expect(await readFile(sandbox.installed, "utf8")).toBe(OLD);
  },
  withNobody,
);

const REFUSALS: readonly Refusal[] = [
  {
    why: "a truncated archive",
    prepare: ({ release }) => truncate(join(release, ARCHIVE), 100),
    because: /is not what SHA256SUMS says: it was changed, or its download was cut$/,
  },
  {
    why: "a tampered archive",
    prepare: ({ release }) =>
      Bun.write(
        join(release, ARCHIVE),
        tarGz([{ name: "health-checker", bytes: Buffer.from("#!/bin/sh\necho evil\n"), isProgram: true }]),
      ),
    because: /is not what SHA256SUMS says/,
  },
  {
    why: "checksums that were cut",
    prepare: ({ release }) => truncate(join(release, "SHA256SUMS"), 200),
    because: /has no health-checker_VERSION_linux_amd64\.tar\.gz in its SHA256SUMS$/,
  },
  {
    why: "a version that is not there",
    variables: { VERSION: "2.0.0" },
    because: /has no health-checker_2\.0\.0_linux/,
  },
  { why: "no archive", prepare: ({ release }) => rm(join(release, ARCHIVE)), because: /cannot read .*\.tar\.gz$/ },
  {
    why: "no such mirror",
    variables: { BASE_URL: "http://127.0.0.1:9/x" },
    because: /cannot download .*\/SHA256SUMS$/,
  },
  {
    why: "no such folder",
    variables: { BASE_URL: "/nowhere" },
    because: /^\S+ health-checker: BASE_URL: no such folder: \/n/,
  },
  {
    why: "another scheme",
    variables: { BASE_URL: "s3://bucket" },
    because: /expected http:\/\/, https:\/\/ or a folder/,
  },
  {
    why: "no repository and no BASE_URL",
    variables: { BASE_URL: "" },
    because: /set BASE_URL to the URL or the folder/,
  },
  {
    why: "a version that is none",
    variables: { VERSION: "*" },
    because: /expected a version such as 1\.2\.3, got \*$/,
  },
  {
    why: "another machine",
    stubs: { uname: "[ $1 = -m ] && echo riscv64 || echo Linux" },
    because: /no program for riscv64$/,
  },
  {
    why: "another system",
    stubs: { uname: "[ $1 = -m ] && echo amd64 || echo SunOS" },
    because: /no program for SunOS/,
  },
  {
    why: "musl",
    stubs: { ldd: "echo 'musl libc (x86_64)' >&2; exit 1" },
    because: /has musl, and the program needs glibc$/,
  },
  {
    why: "no way to verify a checksum",
    without: ["sha256sum"],
    because: /needs sha256sum, shasum or openssl, to verify/,
  },
  {
    why: "neither curl nor wget",
    variables: { BASE_URL: "http://127.0.0.1:9/x" },
    without: ["curl"],
    because: /needs curl or wget$/,
  },
  { why: "no gzip", without: ["gzip"], because: /needs gzip$/ },
  {
    why: "an attestation that gh refuses",
    repository: REPOSITORY,
    stubs: { gh: "[ $1 = auth ] || { echo no attestations >&2; exit 1; }" },
    because: /^no attestations\n.*gh cannot verify where health-checker_1\.2\.3_linux_amd64\.tar\.gz was built$/m,
  },
  {
    why: "a program that does not run",
    program: "#!/bin/sh\necho no GLIBC_2.17; exit 1\n",
    because: /does not run on this system: no GLIBC/,
  },
  {
    why: "a program of another version",
    program: programOf("1.1.1"),
    because: /expected version 1\.2\.3 in .*, got: health-checker v/,
  },
  {
    why: "a target that is a folder",
    prepare: async ({ root }) => {
      await mkdir(join(root, "opt/bin/health-checker"), { recursive: true });
    },
    variables: { PREFIX: "opt" },
    because: /opt\/bin\/health-checker is a folder$/,
  },
];

for (const { why, because, program, prepare, variables, ...settings } of REFUSALS) {
  inShells(`the old program stays: ${why}`, async (shell) => {
    await using sandbox = await newSandbox(program);
    const { root, release: BASE_URL, installed } = sandbox;
    await prepare?.(sandbox);
    const { PREFIX, ...rest } = variables ?? {};
    const { exitCode, out, err } = await install(shell, sandbox, {
      ...settings,
      variables: { BASE_URL, ...(PREFIX && { PREFIX: join(root, PREFIX) }), ...rest },
    });
    expect({ exitCode, out, err }).toEqual({ exitCode: 1, out: "", err: expect.stringMatching(because) });
    expect(await readFile(installed, "utf8")).toBe(OLD);
    expect(await readdir(join(root, "usr/local/bin"))).toEqual(["health-checker"]);
  });
}

inShells(
  "the old program stays: a folder that cannot be written to, and one that cannot be made",
  async (shell) => {
    await using sandbox = await newSandbox();
    const { root, release: BASE_URL, installed } = sandbox;
    const refused = async (PREFIX: string) => {
      const run = await install(shell, sandbox, { variables: { BASE_URL, PREFIX }, uid: NOBODY });
      expect({ PREFIX, ...run }).toMatchObject({ exitCode: 1, out: "" });
      return run.err.replaceAll(root, "");
    };
    expect(await refused(join(root, "usr/local"))).toBe(
      "install health-checker: cannot write to /usr/local/bin; run this as root, or set PREFIX",
    );
    expect(await refused(join(root, "release/new"))).toBe("install health-checker: cannot make /release/new/bin");
    expect(await readFile(installed, "utf8")).toBe(OLD);
  },
  withNobody,
);

inShells("a download of the script that was cut does nothing", async (shell) => {
  await using sandbox = await newSandbox();
  const { root, release } = sandbox;
  // What it could do is seen: it would make this folder first.
  const prefix = join(root, "opt");
  const whole = await Bun.file(INSTALLER).text();
  const end = whole.lastIndexOf("main\n");
  const cuts = Array.from({ length: Math.ceil(end / CUT_BYTES) }, (_, index) => index * CUT_BYTES);
  cuts.push(...[end - 2, end - 1, end, end + 1, end + 2, end + 3]);
  expect(cuts.length).toBeGreaterThan(180);
  for (const cut of cuts) await sandbox.write(`cuts/${cut}`, whole.slice(0, cut));
  const env = ["env", "-i", "PATH=/usr/bin:/bin", `BASE_URL=${release}`, `PREFIX=${prefix}`, `HOME=${root}/home`];
  const loop = 'for cut in "$0"/*; do "$@" <"$cut" >/dev/null 2>&1; echo $?; done';
  await using child = startChild(["sh", "-c", loop, join(root, "cuts"), ...env, ...shell], { cwd: root });
  await Promise.all([child.exited, child.ended]);
  expect(child.out).toHaveLength(cuts.length);
  expect((await readdir(root)).toSorted()).toEqual(["cuts", "home", "release", "tmp", "usr"]);
  // The whole one does.
  await rename(await sandbox.write("whole", whole), join(root, "cuts", "whole"));
  await using complete = startChild(["sh", "-c", loop, join(root, "cuts"), ...env, ...shell], { cwd: root });
  await Promise.all([complete.exited, complete.ended]);
  await expectInstalled(join(prefix, "bin"));
});

withShellcheck(
  "shellcheck finds nothing in it",
  async () => {
    await using child = startChild(["shellcheck", INSTALLER]);
    await Promise.all([child.exited, child.ended]);
    expect(child.out).toEqual([]);
  },
  TEST_MS,
);
