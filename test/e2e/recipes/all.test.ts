// Each recipe of docs/checks.md is run by a test, or says that it is not.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../../support/binary.ts";
import { NOT_TESTED, RECIPES } from "../../support/recipes.ts";

test("each recipe of docs/checks.md is run by a test, or says that it is not", async () => {
  const files = await Array.fromAsync(new Bun.Glob("test/e2e/**/*.test.ts").scan({ cwd: ROOT }));
  const tests = await Promise.all(files.map((file) => Bun.file(join(ROOT, file)).text()));
  const run = new Set(
    tests.flatMap((text) => [...text.matchAll(/\brecipe\(\s*"([^"]+)"/g)].map(([, heading = ""]) => heading)),
  );
  const shown = [...RECIPES].map(([heading, text]) => [heading, text.includes(NOT_TESTED) ? "not tested" : "tested"]);
  const actual = [...RECIPES.keys()].map((heading) => [heading, run.has(heading) ? "tested" : "not tested"]);
  expect(shown.length).toBeGreaterThan(10);
  expect(shown).toEqual(actual);
});
