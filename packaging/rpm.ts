// Makes the rpm, for RHEL 8, Amazon Linux 2, Fedora, SUSE and later ones.

import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CONFIG_FILE,
  DESCRIPTION,
  filesOf,
  type PackageInput,
  type PlacedFile,
  PROGRAM,
  packageVersion,
  run,
  SUMMARY,
  setTimes,
  writeTree,
} from "./package.ts";

const NAME = "health-checker";
const DOCUMENTATION = `/usr/share/doc/${NAME}`;
const PLACES = { documentation: DOCUMENTATION, zshCompletions: "/usr/share/zsh/site-functions" };

const ARCHITECTURES = { amd64: "x86_64", arm64: "aarch64" };

export const rpmName = ({ version, architecture }: Pick<PackageInput, "version" | "architecture">): string =>
  `${NAME}-${version}-1.${ARCHITECTURES[architecture]}.rpm`;

/** Resolves with the path of the package. */
export async function buildRpm(input: PackageInput): Promise<string> {
  const work = await mkdtemp(join(tmpdir(), "health-checker-rpm-"));
  const tree = join(work, "tree");
  const file = join(input.folder, rpmName(input));
  try {
    const files = await filesOf(input, PLACES);
    await writeTree(tree, input, files);
    await setTimes(tree, input.epochS);
    const spec = join(work, "health-checker.spec");
    await Bun.write(spec, await specOf(input, tree, files));
    const architecture = ARCHITECTURES[input.architecture];
    const settings = {
      _topdir: work,
      _rpmdir: work,
      _rpmfilename: "built.rpm",
      _buildhost: "localhost",
      use_source_date_epoch_as_buildtime: "1",
      clamp_mtime_to_source_date_epoch: "1",
      // Not zstd: rpm of Amazon Linux 2 cannot read it.
      _binary_payload: input.compressed === false ? "w0.gzdio" : "w6.xzdio",
    };
    const defines = Object.entries(settings).flatMap(([name, value]) => ["--define", `${name} ${value}`]);
    const target = `--target=${architecture}-linux`;
    await run(["rpmbuild", "-bb", "--quiet", target, ...defines, spec], input.epochS);
    await rename(join(work, "built.rpm"), file);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return file;
}

async function specOf(input: PackageInput, tree: string, files: readonly PlacedFile[]): Promise<string> {
  const service = await Bun.file(join(import.meta.dir, "service.sh")).text();
  const values: Readonly<Record<string, string>> = {
    VERSION: packageVersion(input.version),
    SUMMARY,
    REPOSITORY: input.repository,
    DESCRIPTION: DESCRIPTION.join("\n"),
    TREE: tree,
    FILES: [`%attr(0755, root, root) ${PROGRAM}`, ...files.map(({ path }) => lineOf(path)), ...FOLDERS].join("\n"),
    // rpm looks for macros there too.
    SERVICE: service.replaceAll("%", "%%"),
  };
  const template = await Bun.file(join(import.meta.dir, "rpm/health-checker.spec")).text();
  return template.replace(/#([A-Z]+)#/g, (whole, name) => values[name] ?? whole);
}

/** Those that are of this package alone. */
const FOLDERS = ["/etc/health-checker", DOCUMENTATION].map((folder) => `%dir %attr(0755, root, root) ${folder}`);

function lineOf(path: string): string {
  const kind =
    path === CONFIG_FILE
      ? "%config(noreplace) "
      : path === `${DOCUMENTATION}/LICENSE`
        ? "%license "
        : path.startsWith("/usr/share/doc/") || path.startsWith("/usr/share/man/")
          ? "%doc "
          : "";
  return `${kind}%attr(0644, root, root) ${path}`;
}
