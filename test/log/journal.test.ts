// The journal is recognized by the stream itself, not by the variable alone.

import { expect, test } from "bun:test";
import { closeSync, fstatSync, openSync } from "node:fs";
import { leadsToJournal } from "../../src/log/journal.ts";
import { tempFolder } from "../support/temp.ts";

test("a descriptor leads to the journal only where the variable names it", async () => {
  await using folder = await tempFolder();
  const [ours, other] = await Promise.all([folder.write("ours", ""), folder.write("other", "")]);
  const descriptor = openSync(ours, "a");
  const { dev, ino } = fstatSync(descriptor, { bigint: true });
  expect(leadsToJournal(`${dev}:${ino}`, descriptor)).toBe(true);
  for (const stream of [undefined, "", ":", "0:0", `${ino}:${dev}`, `${dev}:${ino}0`, `${dev}:${ino} `, "\u0000"]) {
    expect(leadsToJournal(stream, descriptor)).toBe(false);
  }
  const elsewhere = openSync(other, "a");
  expect(leadsToJournal(`${dev}:${ino}`, elsewhere)).toBe(false);
  closeSync(elsewhere);
  closeSync(descriptor);
  expect(leadsToJournal(`${dev}:${ino}`, descriptor)).toBe(false);
});
