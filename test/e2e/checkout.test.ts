// A fresh checkout starts, and builds the release binaries for Linux, which run on the oldest processors that they are for.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { askAt } from "../support/ask.ts";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { needs } from "../support/needs.ts";
import { processesIn } from "../support/processes.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";
import { until } from "../support/until.ts";
import { BINARIES, kindOf } from "./binaries.ts";
import { exitOfNewer, expectToRun, PLATFORMS } from "./platforms.ts";

/** Dependencies and runtimes may have to be fetched. */
const FETCH_MS = 300_000;

let checkout: TempFolder;

/** What the package manager needs to reach its registry and its cache. */
const { NODE_ENV: _, CI: __, ...userEnvironment } = process.env as Record<string, string>;

beforeAll(async () => {
  checkout = await tempFolder();
  for (const file of await filesOfCheckout()) {
    await cp(join(ROOT, file), join(checkout.path, file)).catch((error) => {
      // Deleted, and not committed yet.
      if (error.code !== "ENOENT") throw error;
    });
  }
}, FETCH_MS);

afterAll(async () => {
  await checkout[Symbol.asyncDispose]();
});

/** What a commit of everything would hold; in an unpacked archive, which has no git, all but what is made. */
async function filesOfCheckout(): Promise<readonly string[]> {
  if (!existsSync(join(ROOT, ".git"))) {
    const files = await Array.fromAsync(new Bun.Glob("**").scan({ cwd: ROOT, dot: true }));
    return files.filter((file) => !/^(node_modules|dist)\//.test(file));
  }
  const git = Bun.spawn(["git", "ls-files", "-coz", "--exclude-standard"], { cwd: ROOT, stdout: "pipe" });
  const listed = await new Response(git.stdout).text();
  expect(await git.exited).toBe(0);
  return listed.split("\0").filter(Boolean);
}

/** `bun run build` in the checkout. */
async function build(...options: readonly string[]): Promise<void> {
  await using builder = startChild([process.execPath, "run", "build", ...options], {
    cwd: checkout.path,
    env: userEnvironment,
  });
  const [exitCode] = await Promise.all([builder.exited, builder.ended]);
  if (exitCode !== 0) throw new Error([...builder.out, ...builder.err].join("\n"));
}

test(
  "the first command of a fresh checkout installs, serves, and leaves nothing when it is ended",
  async () => {
    const words = ["run", "start", "--script", "true", "--listener", "127.0.0.1:0"];
    await using command = startChild([process.execPath, ...words], { cwd: checkout.path, env: userEnvironment });
    const address = await until(
      () => /INFO listening address=(\S+)/.exec(command.out.join("\n"))?.[1],
      FETCH_MS,
      "it to listen",
    );
    const { status, body } = await askAt(`http://${address}/`);
    expect({ status, body }).toEqual({ status: 200, body: "OK" });
    expect(processesIn(checkout.path).length).toBeGreaterThan(0);

    command.kill("SIGTERM");
    expect(await command.exited).toBe(0);
    await until(() => processesIn(checkout.path).length === 0, 10_000, "its processes to be gone");
  },
  FETCH_MS,
);

test("build knows the five release binaries, under upstream's names", async () => {
  await using builder = startChild([process.execPath, "build.ts", "--only", "none"], { cwd: ROOT });
  expect(await builder.exited).toBe(2);
  await builder.ended;
  expect(builder.err).toEqual([`--only: expected one of ${Object.keys(BINARIES).join(", ")}, got none`]);
});

for (const platform of PLATFORMS) {
  const test = await needs(...platform.needs);
  const { asset, processor, lacks } = platform;

  test(
    `${asset} is built, and runs on a ${processor}`,
    async () => {
      await build("--only", asset);
      const file = join(checkout.path, "dist", asset);
      expect(await kindOf(file)).toBe(BINARIES[asset]);
      await expectToRun(file, platform);
    },
    FETCH_MS,
  );

  test(
    `the ${processor} has no ${lacks}, so a program that needs it does not run there`,
    async () => {
      expect({ here: await exitOfNewer(platform), elsewhere: await exitOfNewer(platform, "max") }).toEqual({
        here: 128 + constants.signals.SIGILL,
        elsewhere: 0,
      });
    },
    FETCH_MS,
  );
}
