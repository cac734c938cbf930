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
  const [, example = ""] = /## Example\n\n```yaml\n(.*?)```/s.exec(TEXT) ?? [];
  const file = await folder.write("hc.yaml", example.replace(/\/run\/credentials\/[\w./-]+/, token));
  expect(await runCommand(["validate", file])).toEqual(printed(`${file}: valid, 4 checks`));
});

test("the errors of configuration.md are those of its file, as printed", async () => {
  await using folder = await tempFolder();
  const [, content = ""] = /^```text\n(checks:.*?)^```$/ms.exec(TEXT) ?? [];
  const [, shown = ""] = /^\$ health-checker validate hc\.yaml\n(.*?)^```$/ms.exec(TEXT) ?? [];
  const file = await folder.write("hc.yaml", content);
  const { err, status } = await runCommand(["validate", file]);
  expect({ err: err.map((line) => line.replace(file, "hc.yaml")), status }).toEqual({
    err: shown.trimEnd().split("\n"),
    status: 2,
  });
});

test("the error about an invisible character is as configuration.md shows it", async () => {
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", "checks:\n  - tcp:\u00a05432\n");
  const [error = ""] = await problemsOf(["validate", file]);
  expect(TEXT).toContain(`\n${error.replace(file, "hc.yaml")}\n`);
});

test("an option that is given twice is refused as configuration.md says", async () => {
  const [error = ""] = await problemsOf(["--port", "1", "--listener", ":5000", "--listener", ":6000"]);
  expect(TEXT).toContain(`\`${error.replace("health-checker: ", "")}\``);
});
