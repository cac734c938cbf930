// What `bun run build --all` has left in dist/: every release binary, of its kind, and their checksums.
//
// Its name is none that `bun test` looks for: the release job runs it, before anything is published.

import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { BINARIES, kindOf } from "./binaries.ts";

const DIST = join(ROOT, "dist");
const names = Object.keys(BINARIES);

test("the five release binaries are there, each of its kind", async () => {
  const found = (await readdir(DIST)).filter((name) => name !== "health-checker");
  expect(found.toSorted()).toEqual(["SHA256SUMS", ...names].toSorted());
  const kinds = await Promise.all(names.map(async (name) => [name, await kindOf(join(DIST, name))] as const));
  expect(Object.fromEntries(kinds)).toEqual(BINARIES);
});

test("their checksums match", async () => {
  await using check = startChild(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: DIST });
  expect(await check.exited).toBe(0);
  await check.ended;
  expect(check.out.toSorted()).toEqual(names.map((name) => `${name}: OK`).toSorted());
});
