// The recipe for the age of a backup.

import { expect, test } from "bun:test";
import { utimes } from "node:fs/promises";
import { recipe } from "../../support/recipes.ts";
import { tempFolder } from "../../support/temp.ts";

const HOUR_MS = 3_600_000;

test("a backup passes for 26 hours after its last success", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("last-success", "");
  await using backup = await recipe("Backup freshness", { "/var/lib/backup/last-success": file });
  const whenOld = async (hours: number) => {
    const time = new Date(Date.now() - hours * HOUR_MS);
    await utimes(file, time, time);
    return backup.states();
  };
  expect(await whenOld(25)).toEqual({ backup: "up" });
  expect(await whenOld(27)).toEqual({ backup: "expired" });
}, 30_000);
