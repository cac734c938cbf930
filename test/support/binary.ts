// The compiled binary under test is never older than its source.

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

export const ROOT = join(import.meta.dir, "../..");
export const BINARY = join(ROOT, "dist", process.platform === "win32" ? "health-checker.exe" : "health-checker");

let built: Promise<string> | undefined;

/** Absolute path of the binary, built first where it is missing or older than what it is made of. */
export function binary(): Promise<string> {
  built ??= buildWhenStale();
  return built;
}

/** Runs build.ts with `options`; throws what it printed when it fails. */
export const build = (...options: readonly string[]): Promise<void> => buildWith({}, ...options);

/** The same, with variables of the environment. */
export async function buildWith(
  settings: Readonly<Record<string, string>>,
  ...options: readonly string[]
): Promise<void> {
  const builder = Bun.spawn([process.execPath, "build.ts", ...options], {
    cwd: ROOT,
    env: { ...process.env, ...settings },
    stdout: "pipe",
    stderr: "pipe",
  });
  const [out, error, exitCode] = await Promise.all([
    new Response(builder.stdout).text(),
    new Response(builder.stderr).text(),
    builder.exited,
  ]);
  if (exitCode !== 0) throw new Error(`build.ts ${options.join(" ")} exited with ${exitCode}: ${out}${error}`);
}

async function buildWhenStale(): Promise<string> {
  const folders = ["src", "packaging"].map(async (folder) =>
    (await readdir(join(ROOT, folder), { recursive: true })).map((name) => join(folder, name)),
  );
  const sources = (await Promise.all(folders)).flat();
  const changedAt = await Promise.all(
    [...sources, "build.ts", "package.json", "bun.lock"].map(async (name) => (await stat(join(ROOT, name))).mtimeMs),
  );
  const builtAt = await stat(BINARY).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  if (builtAt < Math.max(...changedAt)) await build();
  return BINARY;
}
