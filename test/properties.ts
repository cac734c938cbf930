// Runs every property test from a random seed, each for some seconds instead of its usual number
// of runs. `bun run properties [SECONDS] [FILE…]`; PROPERTY_SEED repeats the runs of an earlier seed.

import { join } from "node:path";

const ROOT = join(import.meta.dir, "..");
const DEFAULT_SECONDS = 10;

/** What a test needs besides its properties, of which it may have three. */
const timeoutMs = (seconds: number): number => 60_000 + 3 * 1000 * seconds;

const words = process.argv.slice(2);
const seconds = /^\d+$/.test(words[0] ?? "") ? Number(words.shift()) : DEFAULT_SECONDS;
const seed = process.env["PROPERTY_SEED"] ?? String(crypto.getRandomValues(new Int32Array(1))[0]);
const files = words.length > 0 ? words : await propertyTests();

console.log(`PROPERTY_SEED=${seed}, ${seconds} s for each property in ${files.length} files`);
const tests = Bun.spawn(
  [process.execPath, "test", "--parallel", `--timeout=${timeoutMs(seconds)}`, ...files.map((file) => `./${file}`)],
  {
    cwd: ROOT,
    env: { ...process.env, PROPERTY_SEED: seed, PROPERTY_SECONDS: String(seconds) },
    stdio: ["ignore", "inherit", "inherit"],
  },
);
const exitCode = await tests.exited;
if (exitCode !== 0) {
  console.log(`
To repeat a failure, take seed and path from its message:
PROPERTY_SEED=${seed} PROPERTY_PATH=… bun test FILE -t NAME`);
}
process.exit(exitCode);

async function propertyTests(): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const file of new Bun.Glob("test/**/*.test.ts").scan({ cwd: ROOT })) {
    if ((await Bun.file(join(ROOT, file)).text()).includes("/support/properties.ts")) found.push(file);
  }
  return found.sort();
}
