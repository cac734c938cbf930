// Makes the Debian package. For Debian 11, Ubuntu 20.04 and later.

import { chmod, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import {
  CONFIG_FILE,
  DESCRIPTION,
  filesOf,
  type PackageInput,
  type PlacedFile,
  packageVersion,
  run,
  SUMMARY,
  setTimes,
  writeTree,
  zip,
} from "./package.ts";

const NAME = "health-checker";
const DOCUMENTATION = `/usr/share/doc/${NAME}`;
const PLACES = { documentation: DOCUMENTATION, zshCompletions: "/usr/share/zsh/vendor-completions" };

const SCRIPTS = ["postinst", "prerm", "postrm"] as const;

export const debName = ({ version, architecture }: Pick<PackageInput, "version" | "architecture">): string =>
  `${NAME}_${version}_${architecture}.deb`;

/** Resolves with the path of the package. */
export async function buildDeb(input: PackageInput): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "health-checker-deb-"));
  const file = join(input.folder, debName(input));
  try {
    await writeTree(root, input, [...(await filesOfDeb(input)), ...(await controlFiles(input))]);
    for (const script of SCRIPTS) await chmod(join(root, "DEBIAN", script), 0o755);
    await Bun.write(join(root, "DEBIAN/md5sums"), await md5sums(root));
    await Bun.write(join(root, "DEBIAN/control"), await control(input, root));
    await setTimes(root, input.epochS);
    // Not zstd: dpkg of Debian 11 cannot read it. One thread: more would make other bytes. It takes 80 s: 42 MB, where gzip
    // makes 54.
    const compression = input.compressed === false ? ["-Zgzip", "-z0"] : ["-Zxz", "--threads-max=1"];
    await run(["dpkg-deb", "--root-owner-group", ...compression, "--build", root, file], input.epochS);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  return file;
}

async function filesOfDeb(input: PackageInput): Promise<readonly PlacedFile[]> {
  const files = await filesOf(input, PLACES);
  const license = files.find(({ path }) => path === `${DOCUMENTATION}/LICENSE`)?.content ?? "";
  return [
    ...files.filter(({ path }) => path !== `${DOCUMENTATION}/LICENSE`),
    { path: `${DOCUMENTATION}/copyright`, content: copyright(input, String(license)) },
    { path: `${DOCUMENTATION}/changelog.gz`, content: zip(changelog(input)) },
    { path: `/usr/share/lintian/overrides/${NAME}`, content: await template("lintian-overrides") },
  ];
}

async function controlFiles(_input: PackageInput): Promise<readonly PlacedFile[]> {
  const service = await Bun.file(join(import.meta.dir, "service.sh")).text();
  const scripts = SCRIPTS.map(async (name) => {
    const text = (await template(name)).replace(/^#SERVICE#\n/m, () => service);
    return { path: `/DEBIAN/${name}`, content: text };
  });
  return [{ path: "/DEBIAN/conffiles", content: `${CONFIG_FILE}\n` }, ...(await Promise.all(scripts))];
}

const template = (name: string): Promise<string> => Bun.file(join(import.meta.dir, "deb", name)).text();

async function control(input: PackageInput, root: string): Promise<string> {
  const { architecture, version, repository } = input;
  return `Package: ${NAME}
Version: ${packageVersion(version)}
Architecture: ${architecture}
Maintainer: ${maintainer(repository)}
Installed-Size: ${Math.ceil((await totalBytes(root)) / 1024)}
Depends: libc6 (>= 2.17), passwd
Section: net
Priority: optional
Homepage: ${repository}
Description: ${SUMMARY}
${DESCRIPTION.map((line) => ` ${line}\n`).join("")}`;
}

/** The field must have an address. That of the repository's owner takes no mail; the homepage has the issues. */
function maintainer(repository: string): string {
  const { hostname, pathname } = new URL(repository);
  const owner = pathname.split("/")[1] || "maintainers";
  return `${NAME} maintainers <${owner}@users.noreply.${hostname}>`;
}

const copyright = ({ repository }: PackageInput, license: string): string => `${NAME}
Source: ${repository}

${license}
The program contains Bun, its runtime, and packages from npm. The file
THIRD-PARTY-NOTICES.txt.gz, beside this one, has their licenses.
`;

const changelog = ({
  version,
  repository,
  epochS,
}: PackageInput): string => `${NAME} (${packageVersion(version)}) stable; urgency=medium

  * CHANGELOG.md.gz, beside this file, has what is new.

 -- ${maintainer(repository)}  ${new Date(epochS * 1000).toUTCString().replace("GMT", "+0000")}
`;

/** Of the regular files of a host, sorted. */
async function hostFiles(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith("DEBIAN/"))
    .sort();
}

async function md5sums(root: string): Promise<string> {
  const lines: string[] = [];
  for (const path of await hostFiles(root)) {
    if (`/${path}` === CONFIG_FILE) continue;
    const bytes = await Bun.file(join(root, path)).bytes();
    lines.push(`${Bun.CryptoHasher.hash("md5", bytes, "hex")}  ${path}\n`);
  }
  return lines.join("");
}

async function totalBytes(root: string): Promise<number> {
  return (await hostFiles(root)).reduce((sum, path) => sum + Bun.file(join(root, path)).size, 0);
}
