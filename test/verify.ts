// Everything that must hold before a commit or a release, in order; the first step
// that fails is the last. The last line counts the tests, and never says better
// than it is: "N passed, N failed", and ", N skipped" where some were. In CI the tests on a booted host are part of
// it, unless `--without-vm` says that another job runs them.

import { availableParallelism } from "node:os";
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

const WITH_VM = Boolean(process.env["CI"]) && !process.argv.includes("--without-vm");

/** More than a machine with two processors has: most files wait for a timeout or a server most of the time. */
const WORKERS = Math.max(4, availableParallelism());

/** Of a test that says nothing else. It ends what hangs, and judges nothing. */
const ANTI_HANG_MS = 60_000;

const STEPS: readonly { readonly headline: string; readonly command: readonly string[] }[] = [
  { headline: "types", command: [BUN, "x", "tsc", "--noEmit"] },
  { headline: "lint and format", command: [BUN, "x", "biome", "ci", "--error-on-warnings", "."] },
  { headline: "build", command: [BUN, "build.ts"] },
];

process.exit(await verify());

async function verify(): Promise<number> {
  for (const { headline, command } of STEPS) {
    console.log(`\n== ${headline}`);
    if ((await spawn(command, "inherit").exited) !== 0) {
      console.log(`\n${headline}: failed, and nothing after it was run`);
      return conclude({ passed: 0, failed: 1, skipped: 0 });
    }
  }
  // The machine takes longest and is a process of its own: it boots beside the other tests.
  const machine = WITH_VM ? runTests([`./${VM}`], [VM], "pipe") : undefined;
  console.log(`\n== tests, properties from seed ${SEED}`);
  const tests = await runTests([`--parallel=${WORKERS}`], await testFiles(), "inherit");
  if (!machine) return conclude(tests.counts);
  console.log("\n== tests on a booted host");
  const { counts, output } = await machine;
  process.stdout.write(output);
  return conclude(add(tests.counts, counts));
}

function spawn(command: readonly string[], output: "inherit" | "pipe") {
  return Bun.spawn([...command], { cwd: ROOT, stdio: ["ignore", output, output] });
}

/** `bun test WORDS`, which is to run `files`. What it says on a pipe is the `output`. */
async function runTests(
  words: readonly string[],
  files: readonly string[],
  stdio: "inherit" | "pipe",
): Promise<{ readonly counts: Counts; readonly output: string }> {
  await using folder = await tempFolder();
  const report = join(folder.path, "junit.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${report}`];
  const child = spawn([BUN, "test", `--timeout=${ANTI_HANG_MS}`, ...reporter, ...words], stdio);
  const [exitCode, ...said] = await Promise.all([child.exited, textOf(child.stdout), textOf(child.stderr)]);
  const xml = await Bun.file(report)
    .text()
    .catch(() => "");
  return { counts: count(xml, exitCode, files), output: said.join("") };
}

async function textOf(stream: ReadableStream | number | undefined): Promise<string> {
  return stream instanceof ReadableStream ? await stream.text() : "";
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
