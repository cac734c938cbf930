// An installed unit is read as systemd reads it: its file, then its drop-ins.

import { expect, test } from "bun:test";
import { symlink } from "node:fs/promises";
import { join } from "node:path";
import { type InstalledUnit, readInstalled } from "../../../../src/cli/unit/installed/unit-file.ts";
import { tempFolder } from "../../../support/temp.ts";

async function read(file: string): Promise<InstalledUnit> {
  const unit = await readInstalled(file);
  if (typeof unit === "string") throw new Error(unit);
  return unit;
}

const textsOf = (unit: InstalledUnit, directive: string) => unit.values(directive).map(({ text }) => text);

test("comments, other sections, blanks and unknown lines are ignored; a line may continue in the next", async () => {
  await using folder = await tempFolder();
  const file = await folder.write(
    "x.service",
    [
      "; a comment \\",
      "[Unit]",
      "User=unit",
      "[Service]",
      "  # User=comment",
      "User = app ",
      "ExecStart=/bin/x --one \\",
      "  # a comment amid it",
      "  --two \\",
      "  --three",
      "nonsense",
      "Environment=A=1\r",
      "[Install]",
      "User=install",
      "",
    ].join("\n"),
  );
  const unit = await read(file);
  expect(textsOf(unit, "User")).toEqual(["app"]);
  expect(unit.values("ExecStart").map(({ text }) => text.split(/\s+/))).toEqual([
    ["/bin/x", "--one", "--two", "--three"],
  ]);
  expect(textsOf(unit, "Environment")).toEqual(["A=1"]);
  expect(["User", "ExecStart", "Environment"].map((name) => unit.values(name)[0]?.line)).toEqual([6, 7, 12]);
  expect(unit.isSet("nonsense")).toBe(false);
});

test("drop-ins are read in the order of their names, and an empty value removes those before it", async () => {
  await using folder = await tempFolder();
  const file = await folder.write(
    "x.service",
    "[Service]\nReadWritePaths=/a\nReadWritePaths=/b\nCapabilityBoundingSet=\nUser=first\nTimeoutSec=7\n",
  );
  await folder.write("x.service.d/20-b.conf", "[Service]\nReadWritePaths=/d\nUser=second\n");
  const first = await folder.write("x.service.d/10-a.conf", "[Service]\nReadWritePaths=\nReadWritePaths=/c\n");
  await folder.write("x.service.d/30-c.txt", "[Service]\nUser=third\n");
  await symlink("/dev/null", join(folder.path, "x.service.d/40-masked.conf"));
  const unit = await read(file);
  expect(textsOf(unit, "ReadWritePaths")).toEqual(["/c", "/d"]);
  expect(unit.values("ReadWritePaths")[0]?.file).toBe(first);
  expect(textsOf(unit, "User").at(-1)).toBe("second");
  expect({ set: unit.isSet("CapabilityBoundingSet"), values: textsOf(unit, "CapabilityBoundingSet") }).toEqual({
    set: true,
    values: [],
  });
  // TimeoutSec= sets both directives.
  expect(textsOf(unit, "TimeoutStopSec")).toEqual(["7"]);
});

test("a unit or drop-in that cannot be read is reported", async () => {
  await using folder = await tempFolder();
  expect(await readInstalled(join(folder.path, "none.service"))).toBe(
    `cannot read ${folder.path}/none.service: no such file`,
  );
  expect(await readInstalled(folder.path)).toBe(`cannot read ${folder.path}: it is a folder`);
  const file = await folder.write("x.service", "[Service]\n");
  await symlink("nowhere", `${file}.d`);
  expect(textsOf(await read(file), "User")).toEqual([]);
  await using other = await tempFolder();
  const broken = await other.write("y.service", "[Service]\n");
  await other.write("y.service.d/a.conf/x", "");
  expect(await readInstalled(broken)).toBe(`cannot read ${broken}.d/a.conf: it is a folder`);
});
