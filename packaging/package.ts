// What the deb and the rpm have in common: which file goes where on a host, and how a folder with all of them is made.

import { chmod, lutimes, mkdir, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { contents, type Part } from "./contents.ts";

export interface PackageInput {
  readonly architecture: "amd64" | "arm64";
  /** The program of the release. The package holds it byte for byte: nothing may strip it. */
  readonly binary: string;
  readonly version: string;
  /** The page of the repository. */
  readonly repository: string;
  /** Seconds since 1970, of every file: `SOURCE_DATE_EPOCH`. */
  readonly epochS: number;
  /** Where the package is written. */
  readonly folder: string;
  /** Not for tests, which have no time for it. Default: true. */
  readonly compressed?: boolean;
}

export const PROGRAM = "/usr/bin/health-checker";
export const CONFIG_FILE = "/etc/health-checker/config.yaml";
export const SUMMARY = "answers load balancers' health checks for this host";
export const DESCRIPTION = [
  "A daemon that answers any HTTP request with 200 OK if all checks of this host",
  "pass, and with 504 if one fails. Checks are ports, URLs, scripts, processes,",
  "disks, certificates, databases and more.",
];

/** The directories for what Debian and the RPM distributions put into different places. */
export interface Places {
  readonly documentation: string;
  readonly zshCompletions: string;
}

export interface PlacedFile {
  /** Its absolute path on a host. */
  readonly path: string;
  readonly content: string | Uint8Array<ArrayBuffer>;
}

/** Debian and rpm sort `1.0.0~rc.1` before `1.0.0`, unlike `1.0.0-rc.1`. */
export const packageVersion = (version: string): string => version.replace("-", "~");

/** Every file but the program. */
export async function filesOf({ repository, epochS }: PackageInput, places: Places): Promise<readonly PlacedFile[]> {
  const parts = await contents({ repository, program: PROGRAM, date: new Date(epochS * 1000) });
  // They bring a unit instead of a script for supervisord.
  const wanted = parts.filter(({ name }) => name !== "run-health-checker");
  return wanted.map((part) => place(part, places));
}

function place({ name, text }: Part, { documentation, zshCompletions }: Places): PlacedFile {
  const zipped = (path: string) => ({ path: `${path}.gz`, content: zip(text) });
  switch (name) {
    case "config.yaml":
      return { path: CONFIG_FILE, content: text };
    case "health-checker.service":
      return { path: `/usr/lib/systemd/system/${name}`, content: unitOfPackage(text) };
    case "health-checker.sysusers.conf":
      return { path: "/usr/lib/sysusers.d/health-checker.conf", content: text };
    case "health-checker.1":
      return zipped(`/usr/share/man/man1/${name}`);
    case "health-checker.yaml.5":
      return zipped(`/usr/share/man/man5/${name}`);
    case "health-checker.bash":
      return { path: "/usr/share/bash-completion/completions/health-checker", content: text };
    case "_health-checker":
      return { path: `${zshCompletions}/${name}`, content: text };
    case "health-checker.fish":
      return { path: `/usr/share/fish/vendor_completions.d/${name}`, content: text };
    case "LICENSE":
      return { path: `${documentation}/${name}`, content: text };
    default:
      return zipped(`${documentation}/${name}`);
  }
}

/** With another head: the package has made the user, and the next version of the package replaces the file. */
const unitOfPackage = (text: string): string => `# Of the package. To change it: systemctl edit health-checker
# For a config file that needs more than this sandbox permits, such as scripts (health-checker unit --check says what):
# health-checker unit --config ${CONFIG_FILE} --output /etc/systemd/system/health-checker.service

${text.slice(text.indexOf("[Unit]\n"))}`;

/** The header of gzip has no name and no time. */
export const zip = (text: string): Uint8Array<ArrayBuffer> => new Uint8Array(gzipSync(text, { level: 9 }));

/** Makes the tree of a host's files in `root`, all of the same time. Nothing of it depends on the umask. */
export async function writeTree(root: string, input: PackageInput, files: readonly PlacedFile[]): Promise<void> {
  for (const { path, content } of files) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await Bun.write(join(root, path), content);
    await chmod(join(root, path), 0o644);
  }
  await mkdir(dirname(join(root, PROGRAM)), { recursive: true });
  await Bun.write(join(root, PROGRAM), Bun.file(input.binary));
  await chmod(join(root, PROGRAM), 0o755);
}

/** Sets the time of everything in `root`; a folder's last, after its files. */
export async function setTimes(root: string, epochS: number): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    await lutimes(path, epochS, epochS);
  }
  await chmod(root, 0o755);
  await lutimes(root, epochS, epochS);
}

/** Runs a program in a plain environment; throws what it printed if it fails. */
export async function run(command: readonly string[], epochS: number): Promise<void> {
  const env = { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", TZ: "UTC", SOURCE_DATE_EPOCH: String(epochS) };
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe", env });
  const [out, err, status] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (status !== 0) throw new Error(`${command[0]} exited with ${status}: ${out}${err}`.trimEnd());
}
