// Characters that are invisible, or look like others, get a warning; the letters of a language do not.

import { expect, test } from "bun:test";
import { lint, lintKeys } from "./lines.ts";

test.each([
  [{ tcp: 80, expect: "“ok”" }, "expect", "a typographic quotation mark, \\u201c \\u201d"],
  [{ tcp: 80, expect: "‘ok’" }, "expect", "a typographic quotation mark, \\u2018 \\u2019"],
  [{ file: "/run/x–y" }, "file", "a typographic dash, \\u2013"],
  [{ process: "nginх" }, "process", "a Cyrillic letter, \\u0445"],
  [{ script: ["/bin/true"], cwd: "/oрt" }, "cwd", "a Cyrillic letter, \\u0440"],
])("%j holds a character that looks like another", async (check, key, what) => {
  expect(await lintKeys(check)).toEqual([`checks[0].${key}: warning: it holds ${what}`]);
});

test.each([
  { tcp: 80, expect: "“ready” – l’état" },
  { tcp: 80, expect: "il dit “ok”" },
  { tcp: 80, expect: "“a” and “b”" },
  { tcp: 80, expect: "in kΩ, nginх" },
  { http: "http://127.0.0.1/", headers: { file: "a–b", key: "“a” и b" } },
  { file: "/srv/Größe" },
  { file: "/srv/Статус" },
  { process: "служба" },
])("%j gets no warning", async (check) => {
  expect(await lintKeys(check)).toEqual([]);
});

test("an option gets the warning once", async () => {
  expect(await lint(undefined, { script: ["true\u00a0x"] })).toEqual([
    '--script "true\\u00a0x": warning: it holds a no-break space, \\u00a0',
  ]);
});
