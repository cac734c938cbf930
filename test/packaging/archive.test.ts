// What other programs unpack, and the same bytes whatever the order of the files.

import { expect, test } from "bun:test";
import { type Entry, tarGz, zip } from "../../packaging/archive.ts";
import { startChild } from "../support/child.ts";
import { needs } from "../support/needs.ts";
import { tempFolder } from "../support/temp.ts";

const ENTRIES: readonly Entry[] = [
  { name: "health-checker", bytes: new Uint8Array(1000).fill(7), isProgram: true },
  { name: "README.md", bytes: Buffer.from("read me\n") },
];

const DATE = new Date("2026-02-03T04:05:06Z");

test("the order of the files does not count", () => {
  expect(tarGz(ENTRIES.toReversed(), DATE)).toEqual(tarGz(ENTRIES, DATE));
  expect(zip(ENTRIES.toReversed(), DATE)).toEqual(zip(ENTRIES, DATE));
});

test("tar lists the files with their modes, their owner and their date", async () => {
  await using folder = await tempFolder();
  await Bun.write(`${folder.path}/a.tar.gz`, tarGz(ENTRIES, DATE));
  await using tar = startChild(["tar", "-tvzf", "a.tar.gz"], { cwd: folder.path, env: { TZ: "UTC" } });
  expect(await tar.exited).toBe(0);
  await tar.ended;
  expect(tar.out.map((line) => line.replace(/ +/g, " "))).toEqual([
    "-rw-r--r-- root/root 8 2026-02-03 04:05 README.md",
    "-rwxr-xr-x root/root 1000 2026-02-03 04:05 health-checker",
  ]);
});

const LIST = `
import sys, zipfile
for entry in zipfile.ZipFile(sys.argv[1]).infolist():
    print(oct(entry.external_attr >> 16), entry.file_size, *entry.date_time, entry.filename)
`;

(await needs("python3"))(
  "another program reads the zip file, whatever the time zone here",
  async () => {
    await using folder = await tempFolder();
    await Bun.write(`${folder.path}/a.zip`, zip(ENTRIES, DATE));
    await using list = startChild(["python3", "-c", LIST, `${folder.path}/a.zip`]);
    expect(await list.exited).toBe(0);
    await list.ended;
    expect(list.out).toEqual(["0o100644 8 2026 2 3 4 5 6 README.md", "0o100755 1000 2026 2 3 4 5 6 health-checker"]);
  },
  20_000,
);
