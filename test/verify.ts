// Everything that must hold before a commit or a release, in order; the first step
// that fails is the last. The last line counts the tests, and never says better
// than it is: "N passed, N failed", and ", N skipped" where some were.

import { join } from "node:path";
import { SEED } from "./support/properties.ts";
import { tempFolder } from "./support/temp.ts";

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const ROOT = join(import.meta.dir, "..");
const BUN = process.execPath;

/** Minutes, and a machine of its own: `bun test` does not look for it. */
const VM = "test/e2e/vm/vm.ts";

const STEPS: readonly { readonly headline: string; readonly command: readonly string[] }[] = [
  { headline: "types", command: [BUN, "x", "tsc", "--noEmit"] },
  { headline: "lint and format", command: [BUN, "x", "biome", "ci", "--error-on-warnings", "."] },
  { headline: "build", command: [BUN, "build.ts"] },
];

process.exit(await verify());

async function verify(): Promise<number> {
  for (const { headline, command } of STEPS) {
    if ((await run(headline, command)) !== 0) {
      console.log(`\n${headline}: failed, and nothing after it was run`);
      return conclude({ passed: 0, failed: 1, skipped: 0 });
    }
  }
  const tests = await runTests(`tests, properties from seed ${SEED}`, [], await testFiles());
  return conclude(process.env["CI"] ? add(tests, await runTests("tests on a booted host", [VM], [VM])) : tests);
}

/** Resolves with the exit code; the output goes to ours. */
async function run(headline: string, command: readonly string[]): Promise<number> {
  console.log(`\n== ${headline}`);
  return await Bun.spawn([...command], { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] }).exited;
}

/** `files` is what `bun test WORDS` should run. */
async function runTests(headline: string, words: readonly string[], files: readonly string[]): Promise<Counts> {
  await using folder = await tempFolder();
  const report = join(folder.path, "junit.xml");
  const exitCode = await run(headline, [
    ...[BUN, "test", "--reporter=junit", `--reporter-outfile=${report}`],
    ...words.map((word) => `./${word}`),
  ]);
  const xml = await Bun.file(report)
    .text()
    .catch(() => "");
  return count(xml, exitCode, files);
}

/** A file that did not load is not in the report; nor is anything, when the run was cut short. */
function count(xml: string, exitCode: number, files: readonly string[]): Counts {
  const total = /<testsuites\b[^>]*>/.exec(xml)?.[0] ?? "";
  const number = (name: string) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(total)?.[1] ?? 0);
  const reported = new Set([...xml.matchAll(/<testsuite\b[^>]*\bfile="([^"]*)"/g)].map(([, file]) => file));
  const unreported = files.filter((file) => !reported.has(file));
  for (const file of unreported) console.log(`${file}: failed, it is not in the report`);

  const failures = number("failures");
  const skipped = number("skipped");
  const passed = number("tests") - failures - skipped;
  const failed = failures + unreported.length;
  return { passed, failed: exitCode === 0 ? failed : Math.max(1, failed), skipped };
}

function add(one: Counts, other: Counts): Counts {
  return {
    passed: one.passed + other.passed,
    failed: one.failed + other.failed,
    skipped: one.skipped + other.skipped,
  };
}

async function testFiles(): Promise<readonly string[]> {
  return (await Array.fromAsync(new Bun.Glob("test/**/*.test.ts").scan({ cwd: ROOT }))).sort();
}

/** Prints the last line, and gives the exit code. */
function conclude({ passed, failed, skipped }: Counts): number {
  console.log(`\n${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`);
  return failed === 0 && passed > 0 ? 0 : 1;
}
