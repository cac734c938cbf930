// The files of a release, made for this machine: twice the same, complete, and the program in them runs.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { cp, readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { compile } from "../../packaging/compile.ts";
import { binary, buildWith, ROOT } from "../support/binary.ts";
import { plainEnvironment, startChild } from "../support/child.ts";
import { startDaemon } from "../support/daemon.ts";
import { needs } from "../support/needs.ts";
import { type TempFolder, tempFolder } from "../support/temp.ts";

const REPOSITORY = "https://git.test/me/health-checker";
const EPOCH = "1770091506";

const ASSET = `health-checker_${process.platform}_${process.arch === "x64" ? "amd64" : process.arch}`;
const ARCHIVE = `${ASSET.replace("_", `_${version}_`)}.tar.gz`;

const BUILD_MS = 120_000;

let first: TempFolder;
let second: TempFolder;
/** What the archive holds. */
let unpacked: TempFolder;

beforeAll(async () => {
  [first, second, unpacked] = await Promise.all([tempFolder(), tempFolder(), tempFolder()]);
  const settings = { HEALTH_CHECKER_REPOSITORY: REPOSITORY, SOURCE_DATE_EPOCH: EPOCH };
  const options = ["--only", ASSET, "--archive", "--output"];
  await buildWith({ ...settings, TZ: "UTC" }, ...options, first.path);
  await buildWith({ ...settings, TZ: "Asia/Tokyo" }, ...options, second.path);
  await run(["tar", "-xzf", join(first.path, ARCHIVE)], unpacked.path);
}, BUILD_MS);

afterAll(async () => {
  for (const folder of [first, second, unpacked]) await folder?.[Symbol.asyncDispose]();
});

/** What it printed; throws where it failed. */
async function run(command: readonly string[], cwd = "/"): Promise<readonly string[]> {
  await using child = startChild(command, { cwd });
  const [status] = await Promise.all([child.exited, child.ended]);
  if (status !== 0) throw new Error(`${command.join(" ")}: ${child.err.join("\n")}`);
  return child.out;
}

test("the same sources give the same bytes, in another folder and another time zone", async () => {
  const hashes = async ({ path }: TempFolder) => {
    const names = (await readdir(path)).toSorted();
    const hash = async (name: string) => Bun.SHA256.hash(await Bun.file(join(path, name)).bytes(), "hex");
    return Promise.all(names.map(async (name) => [name, await hash(name)]));
  };
  expect(await hashes(first)).toEqual(await hashes(second));
});

test("SHA256SUMS is right, and of every file", async () => {
  const names = [ASSET, `health-checker_${version}.cdx.json`, ARCHIVE, "install.sh"].toSorted();
  expect((await readdir(first.path)).toSorted()).toEqual([...names, "SHA256SUMS"].toSorted());
  expect(await run(["sha256sum", "--check", "--strict", "SHA256SUMS"], first.path)).toEqual(
    names.map((name) => `${name}: OK`),
  );
});

test("the archive has everything, and no placeholder", async () => {
  const names = await readdir(unpacked.path);
  expect(names.toSorted()).toEqual([
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "THIRD-PARTY-NOTICES.txt",
    "_health-checker",
    "config.yaml",
    "health-checker",
    "health-checker.1",
    "health-checker.bash",
    "health-checker.fish",
    "health-checker.service",
    "health-checker.sysusers.conf",
    "health-checker.yaml.5",
    "run-health-checker",
  ]);
  const programs = (await run(["find", ".", "-type", "f", "-perm", "755"], unpacked.path)).toSorted();
  expect(programs).toEqual(["./health-checker", "./run-health-checker"]);
  const texts = names.filter((name) => name !== "health-checker");
  for (const name of texts) {
    const text = await Bun.file(join(unpacked.path, name)).text();
    expect({ name, found: /OWNER|github\.com\/example|\]\((?![a-z]+:|#).*/.exec(text)?.[0] }).toEqual({
      name,
      found: undefined,
    });
  }
  expect(await Bun.file(join(unpacked.path, "README.md")).text()).toContain(`${REPOSITORY}/releases/`);
  expect(await Bun.file(join(unpacked.path, "health-checker.service")).text()).toContain(
    `\nDocumentation=man:health-checker(1) ${REPOSITORY}\n`,
  );
});

test("the program says what it was built from, after upstream's line", async () => {
  const lines = await run([join(unpacked.path, "health-checker"), "--version"]);
  const commit = lines.filter((line) => line.startsWith("commit "));
  expect(lines).toEqual([
    `health-checker version v${version}`,
    ...commit,
    "date 2026-02-03T04:05:06Z",
    `bun ${Bun.version}`,
  ]);
  for (const line of commit) expect(line).toMatch(/^commit [0-9a-f]{40}(-dirty)?$/);
});

test("a release that does not know where it lives is refused, before anything is built", async () => {
  await using folder = await tempFolder();
  const { HEALTH_CHECKER_REPOSITORY: _, ...env } = plainEnvironment();
  await using builder = startChild([process.execPath, "build.ts", "--all", "--output", folder.path], {
    cwd: ROOT,
    env,
  });
  expect(await builder.exited).toBe(1);
  await builder.ended;
  expect(builder.err).toEqual([
    'a release needs to know where releases live: set "repository" in package.json, or HEALTH_CHECKER_REPOSITORY',
  ]);
  expect(await readdir(folder.path)).toEqual([]);
});

test(
  "the program is less than 8 MB larger than an empty one",
  async () => {
    await using folder = await tempFolder();
    const empty = await folder.write("empty.ts", "");
    const outfile = join(folder.path, "empty");
    await compile({ entryPoints: [empty], outfile });
    expect(Bun.file(await binary()).size - Bun.file(outfile).size).toBeLessThan(8e6);
  },
  BUILD_MS,
);

(await needs("strip"))(
  "a stripped program is still health-checker, and answers",
  async () => {
    await using folder = await tempFolder();
    const stripped = join(folder.path, "health-checker");
    for (const options of [[], ["--strip-debug"], ["--strip-unneeded"]]) {
      await cp(await binary(), stripped);
      await run(["strip", ...options, stripped]);
      expect((await run([stripped, "--version"]))[0]).toBe(`health-checker version v${version}`);
    }
    await using daemon = await startDaemon(["--script", "true"], { command: [stripped] });
    expect((await daemon.ask()).status).toBe(200);
    expect(await daemon.stop()).toBe(0);
  },
  BUILD_MS,
);

test("a truncated program says so, and does not act as another one", async () => {
  await using folder = await tempFolder();
  const cut = join(folder.path, "health-checker");
  await cp(await binary(), cut);
  await truncate(cut, Bun.file(cut).size - 1_000_000);
  await using child = startChild([cut, "--version"]);
  expect(await child.exited).not.toBe(0);
  await child.ended;
  expect(child.out).toEqual([]);
  expect(child.err.join("\n")).toContain("is truncated");
});
