// The tables of the documents are those of the schema that validates, and the examples
// beside them are good.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { fillMarkers, renderDocuments } from "../../docs/tables.ts";
import { printed, problemsOf, runCommand } from "../support/command.ts";
import { tempFolder } from "../support/temp.ts";

const ROOT = join(import.meta.dir, "../..");
const documents = await renderDocuments();

test.each(Object.keys(documents))("the tables of %s have not drifted (bun run docs writes them)", async (name) => {
  const text = await Bun.file(join(ROOT, name)).text();
  expect(fillMarkers(name, text, documents[name] ?? {})).toBe(text);
});

test("a document that lost its markers is told", () => {
  expect(() => fillMarkers("x.md", "no markers", { options: "" })).toThrow("x.md: expected the lines <!-- options:");
});

const TEXT = await Bun.file(join(ROOT, "docs/configuration.md")).text();

test("the example of configuration.md is good", async () => {
  await using folder = await tempFolder();
  const token = await folder.write("token", "s3cret");
  const [, example = ""] = /## A file\n\n```yaml\n(.*?)```/s.exec(TEXT) ?? [];
  const file = await folder.write("hc.yaml", example.replace(/\/run\/credentials\/[\w./-]+/, token));
  expect(await runCommand(["validate", file])).toEqual(printed(`${file}: valid, 4 checks`));
});

test("the mistakes of configuration.md read as it says", async () => {
  await using folder = await tempFolder();
  const content = [
    "checks:",
    "  - { name: database, tcp: 1 }",
    "  - tcp: 80",
    "    timout: 2s",
    "  - tcp: 81",
    "    timeout: 5 sec",
    "endpoints: { /db: [databse] }",
  ].join("\n");
  const file = await folder.write("hc.yaml", content);
  const problems = (await problemsOf(["validate", file])).map((line) => line.replace(/^\S+: /, ""));
  const [, shown = ""] = /\$ health-checker validate hc\.yaml\n(.*?)Try/s.exec(TEXT) ?? [];
  const said = shown
    .trimEnd()
    .split("\n")
    .map((line) => line.replace(/^\S+: /, ""));
  // The places differ, and with them the numbers of the checks.
  const plain = (lines: readonly string[]) => lines.map((line) => line.replace(/checks\[\d\]/, "checks[]"));
  expect(plain(problems)).toEqual(plain(said));
});
