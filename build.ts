// Compiles the daemon to one file for each system. `bun run build` makes the one for this machine, `bun run build --all`
// every release binary and their checksums.

import { mkdir, open, rm } from "node:fs/promises";
import { parseArgs } from "node:util";
import { version } from "./package.json";

/** Release assets under the names that upstream gave them. */
const TARGETS = [
  { asset: "health-checker_linux_amd64", target: "bun-linux-x64" },
  { asset: "health-checker_linux_arm64", target: "bun-linux-arm64" },
  { asset: "health-checker_darwin_amd64", target: "bun-darwin-x64" },
  { asset: "health-checker_darwin_arm64", target: "bun-darwin-arm64" },
  { asset: "health-checker_windows_amd64.exe", target: "bun-windows-x64" },
] as const;

const FOLDER = "dist";

/** Bytecode halves the time to the first answer, and needs the esm format. */
export const COMPILE_FLAGS: readonly string[] = [
  "--format=esm",
  "--bytecode",
  // Without a config file the code for it is not loaded, which saves 6 MiB, and 6 ms at the start.
  "--splitting",
  "--minify-syntax",
  "--minify-whitespace",
  // Files in the folder where it is started must not change what it does.
  "--no-compile-autoload-dotenv",
  "--no-compile-autoload-bunfig",
  "--no-compile-autoload-tsconfig",
  "--no-compile-autoload-package-json",
  "--compile-exec-argv=--disallow-code-generation-from-strings=strict --smol",
];

/** The program, and the file that it runs as a thread, which is found by its path in src/. */
export const ENTRY_POINTS: readonly string[] = ["src/main.ts", "src/fs/filesystem-worker.ts"];

/** The names of the functions that a program imports from the C library are at its start. */
const NAMES_BYTES = 4 * 1024 * 1024;

if (import.meta.main) {
  const { values } = parseArgs({ options: { all: { type: "boolean" }, only: { type: "string" } } });
  const here = process.platform === "win32" ? "health-checker.exe" : "health-checker";
  const chosen = values.only
    ? TARGETS.filter(({ asset }) => asset === values.only)
    : values.all
      ? TARGETS
      : [{ asset: here, target: undefined }];
  if (chosen.length === 0) {
    console.error(`--only: expected one of ${TARGETS.map(({ asset }) => asset).join(", ")}, got ${values.only}`);
    process.exit(2);
  }
  await mkdir(FOLDER, { recursive: true });
  for (const { asset, target } of chosen) await compile(asset, target);
  if (values.all) await writeChecksums();
}

async function compile(asset: string, target: (typeof TARGETS)[number]["target"] | undefined): Promise<void> {
  const outfile = `${FOLDER}/${asset}`;
  await rm(outfile, { force: true });
  const compiler = Bun.spawn(
    [
      process.execPath,
      "build",
      "--compile",
      ...(target ? [`--target=${target}`] : []),
      ...COMPILE_FLAGS,
      `--outfile=${outfile}`,
      ...ENTRY_POINTS,
    ],
    { stdout: "pipe", stderr: "pipe" },
  );
  if ((await compiler.exited) !== 0) {
    console.error(`${await new Response(compiler.stdout).text()}${await new Response(compiler.stderr).text()}`);
    process.exit(1);
  }
  if (target?.includes("linux") ?? process.platform === "linux") await keepDescriptorLimit(outfile);
  console.log(`${outfile} v${version} ${(Bun.file(outfile).size / 1e6).toFixed(1)} MB`);
}

/**
 * The runtime raises its soft limit of descriptors before any code of ours runs, and drops the inherited one, which
 * scripts need (docs/adr/0013-descriptor-limit.md). So its one call of setrlimit is replaced by getrlimit, which takes the
 * same arguments and changes nothing; src/system/inherited.ts raises the limit instead.
 */
async function keepDescriptorLimit(file: string): Promise<void> {
  const start = Buffer.from(await Bun.file(file).slice(0, NAMES_BYTES).arrayBuffer());
  const name = "\0setrlimit\0";
  const at = start.indexOf(name);
  if (at < 0 || start.indexOf(name, at + 1) >= 0) {
    console.error(`${file}: expected the runtime to import setrlimit once`);
    process.exit(1);
  }
  const handle = await open(file, "r+");
  await handle.write("g", at + 1);
  await handle.close();
}

async function writeChecksums(): Promise<void> {
  const lines: string[] = [];
  for (const { asset } of TARGETS) {
    const hash = new Bun.CryptoHasher("sha256").update(await Bun.file(`${FOLDER}/${asset}`).bytes()).digest("hex");
    lines.push(`${hash}  ${asset}`);
  }
  await Bun.write(`${FOLDER}/SHA256SUMS`, `${lines.join("\n")}\n`);
  console.log(`${FOLDER}/SHA256SUMS`);
}
