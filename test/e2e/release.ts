// What `bun run build --all` has left in dist/: every release binary, of its kind, with its archive, and their checksums.
//
// Its name is none that `bun test` looks for: the release job runs it, before anything is published.

import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { BINARIES, kindOf } from "./binaries.ts";

const DIST = join(ROOT, "dist");
const binaries = Object.keys(BINARIES);

test("the five release binaries are there, each of its kind, with its archive", async () => {
  const archives = binaries.map((name) => {
    const archive = name.replace("_", `_${version}_`);
    return archive.endsWith(".exe") ? archive.replace(/exe$/, "zip") : `${archive}.tar.gz`;
  });
  const found = await readdir(DIST);
  expect(found).toEqual(expect.arrayContaining([...binaries, ...archives, `health-checker_${version}.cdx.json`]));
  const kinds = await Promise.all(binaries.map(async (name) => [name, await kindOf(join(DIST, name))] as const));
  expect(Object.fromEntries(kinds)).toEqual(BINARIES);
});

test("every file has its checksum, and they match", async () => {
  await using check = startChild(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: DIST });
  expect(await check.exited).toBe(0);
  await check.ended;
  const released = (await readdir(DIST)).filter((name) => name !== "health-checker" && name !== "SHA256SUMS");
  expect(check.out.toSorted()).toEqual(released.map((name) => `${name}: OK`).toSorted());
});
