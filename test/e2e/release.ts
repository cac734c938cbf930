// What `bun run build --all` has left in dist/: every release binary, of its kind, with its archive, and their checksums.
//
// Its name is none that `bun test` looks for: the release job runs it, before anything is published.

import { expect, test } from "bun:test";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { version } from "../../package.json";
import { debName } from "../../packaging/deb.ts";
import { rpmName } from "../../packaging/rpm.ts";
import { ROOT } from "../support/binary.ts";
import { startChild } from "../support/child.ts";
import { needs } from "../support/needs.ts";
import { BINARIES, kindOf } from "./binaries.ts";

const DIST = join(ROOT, "dist");
const binaries = Object.keys(BINARIES);

test("the five release binaries are there, each of its kind, with its archive, and the packages for Linux", async () => {
  const archives = binaries.map((name) => {
    const archive = name.replace("_", `_${version}_`);
    return archive.endsWith(".exe") ? archive.replace(/exe$/, "zip") : `${archive}.tar.gz`;
  });
  const found = await readdir(DIST);
  const packages = (["amd64", "arm64"] as const).flatMap((architecture) => [
    debName({ version, architecture }),
    rpmName({ version, architecture }),
  ]);
  expect(found).toEqual(
    expect.arrayContaining([...binaries, ...archives, ...packages, `health-checker_${version}.cdx.json`, "install.sh"]),
  );
  const kinds = await Promise.all(binaries.map(async (name) => [name, await kindOf(join(DIST, name))] as const));
  expect(Object.fromEntries(kinds)).toEqual(BINARIES);
});

test("every file has its checksum, and they match", async () => {
  await using check = startChild(["sha256sum", "--check", "--strict", "SHA256SUMS"], { cwd: DIST });
  expect(await check.exited).toBe(0);
  await check.ended;
  const released = (await readdir(DIST)).filter((name) => name !== "health-checker" && name !== "SHA256SUMS");
  expect(check.out.toSorted()).toEqual(released.map((name) => `${name}: OK`).toSorted());
}, 120_000);

(await needs("lintian"))(
  "lintian finds no error in the debs but those that are overridden with a reason",
  async () => {
    const debs = (["amd64", "arm64"] as const).map((architecture) => join(DIST, debName({ version, architecture })));
    await using lintian = startChild(["lintian", "--allow-root", "--fail-on=none", ...debs]);
    expect(await lintian.exited).toBe(0);
    await lintian.ended;
    expect(lintian.out.filter((line) => line.startsWith("E: "))).toEqual([]);
  },
  600_000,
);
