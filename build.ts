// Compiles the daemon to one file for each system.
//
//   bun run build                              dist/health-checker, for this machine
//   bun run build --only ASSET …               the programs of these names
//   bun run build --only ASSET … --archive     with their archives, install.sh, the bill of materials and SHA256SUMS
//   bun run build --only ASSET … --packages    with the deb and the rpm of each program for Linux
//   bun run build --all                        the whole release
//   … --output FOLDER                          elsewhere than dist/
//
// The same sources give the same bytes.

import { mkdir, readdir, rm } from "node:fs/promises";
import { basename, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { version } from "./package.json";
import { type Entry, tarGz, zip } from "./packaging/archive.ts";
import { type BuildInfo, buildInfo } from "./packaging/build-info.ts";
import { compile, ENTRY_POINTS, type Target } from "./packaging/compile.ts";
import { contents } from "./packaging/contents.ts";
import { buildDeb } from "./packaging/deb.ts";
import { installScript } from "./packaging/installer.ts";
import { repositoryOfRelease } from "./packaging/repository.ts";
import { buildRpm } from "./packaging/rpm.ts";
import { sbom } from "./packaging/sbom.ts";

interface Asset {
  /** Upstream's names, so that scripts that download its releases download ours. */
  readonly asset: string;
  readonly target: Target;
}

const ASSETS: readonly Asset[] = [
  { asset: "health-checker_linux_amd64", target: "bun-linux-x64" },
  { asset: "health-checker_linux_arm64", target: "bun-linux-arm64" },
  { asset: "health-checker_darwin_amd64", target: "bun-darwin-x64" },
  { asset: "health-checker_darwin_arm64", target: "bun-darwin-arm64" },
  { asset: "health-checker_windows_amd64.exe", target: "bun-windows-x64" },
];

const { values } = parseArgs({
  options: {
    all: { type: "boolean", default: false },
    only: { type: "string", multiple: true },
    archive: { type: "boolean", default: false },
    packages: { type: "boolean", default: false },
    output: { type: "string", default: join(import.meta.dir, "dist") },
  },
});
const folder = resolve(values.output);
process.chdir(import.meta.dir);
try {
  await main();
} catch (error) {
  console.error(error instanceof AggregateError ? error : (error as Error).message);
  process.exit(1);
}

async function main(): Promise<void> {
  const info = buildInfo();
  const assets = values.all ? ASSETS : (values.only ?? []).map(assetOf);
  // Before anything is built.
  const repository = values.all || values.archive || values.packages ? repositoryOfRelease() : undefined;
  await mkdir(folder, { recursive: true });
  if (repository !== undefined) return await release(assets, repository, info);
  if (assets.length === 0)
    await buildProgram(process.platform === "win32" ? "health-checker.exe" : "health-checker", info);
  for (const { asset, target } of assets) await buildProgram(asset, info, target);
}

function assetOf(name: string): Asset {
  const found = ASSETS.find(({ asset }) => asset === name);
  if (found) return found;
  console.error(`--only: expected one of ${ASSETS.map(({ asset }) => asset).join(", ")}, got ${name}`);
  process.exit(2);
}

async function buildProgram(name: string, { commit, date }: BuildInfo, target?: Target): Promise<void> {
  const outfile = join(folder, name);
  const build = { ...(commit && { commit }), ...(date && { date: date.toISOString().replace(".000", "") }) };
  await compile({ entryPoints: ENTRY_POINTS, outfile, target, build });
  report(name);
}

async function release(assets: readonly Asset[], repository: string, info: BuildInfo): Promise<void> {
  const remains = (await readdir(folder)).filter((name) => /^(health-checker[_-]|SHA256SUMS$|install\.sh$)/.test(name));
  for (const name of remains) await rm(join(folder, name));

  const made: string[] = [];
  const add = async (name: string, content: string | Uint8Array) => {
    await Bun.write(join(folder, name), content);
    report(name);
    made.push(name);
  };
  const parts = await contents({ repository, date: info.date });
  for (const { asset, target } of assets) {
    await buildProgram(asset, info, target);
    made.push(asset);
    await add(...(await archive(asset, parts, info)));
    if (values.all || values.packages) made.push(...(await packages(asset, repository, info)));
  }
  await add("install.sh", await installScript(repository));
  await add(`health-checker_${version}.cdx.json`, await sbom({ repository, date: info.date }));
  await add("SHA256SUMS", await checksums(made));
}

/** The name and the bytes of the archive of one program. */
async function archive(
  asset: string,
  parts: Awaited<ReturnType<typeof contents>>,
  { date }: BuildInfo,
): Promise<[string, Uint8Array]> {
  const isWindows = asset.endsWith(".exe");
  const entries: Entry[] = parts.map(({ text, ...part }) => ({ ...part, bytes: Buffer.from(text) }));
  const bytes = await Bun.file(join(folder, asset)).bytes();
  entries.push({ name: isWindows ? "health-checker.exe" : "health-checker", bytes, isProgram: true });
  const name = asset.replace("health-checker_", `health-checker_${version}_`).replace(/\.exe$/, "");
  return isWindows ? [`${name}.zip`, zip(entries, date)] : [`${name}.tar.gz`, tarGz(entries, date)];
}

/** The names of the deb and the rpm of one program; none for another system than Linux. */
async function packages(asset: string, repository: string, { date }: BuildInfo): Promise<readonly string[]> {
  const [, architecture] = /^health-checker_linux_(amd64|arm64)$/.exec(asset) ?? [];
  if (architecture !== "amd64" && architecture !== "arm64") return [];
  const epochS = (date?.getTime() ?? 0) / 1000;
  const input = { architecture, binary: join(folder, asset), version, repository, epochS, folder } as const;
  const names = (await Promise.all([buildDeb(input), buildRpm(input)])).map((file) => basename(file));
  for (const name of names) report(name);
  return names;
}

/** As `sha256sum --check` reads them, sorted by name. */
async function checksums(names: readonly string[]): Promise<string> {
  const lines = names.toSorted().map(async (name) => {
    const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(join(folder, name)).bytes());
    return `${hash.digest("hex")}  ${name}\n`;
  });
  return (await Promise.all(lines)).join("");
}

function report(name: string): void {
  const { size } = Bun.file(join(folder, name));
  console.log(
    `${relative(".", join(folder, name))} v${version} ${size < 1e5 ? `${size} bytes` : `${(size / 1e6).toFixed(1)} MB`}`,
  );
}
