// What docs/upstream.md says to those who come from a fork of upstream.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { ROOT } from "../support/binary.ts";
import { problemsOf, runCommand } from "../support/command.ts";
import { tempFolder } from "../support/temp.ts";

const TEXT = await Bun.file(join(ROOT, "docs/upstream.md")).text();

for (const words of [
  ["--http", "http://127.0.0.1:8080/healthz"],
  ["--verify-payload", "ready"],
  ["--detailed-status"],
  ["--port", "80,443"],
]) {
  test(`an option of a fork is refused: ${words.join(" ")}`, async () => {
    expect(TEXT).toContain(`| \`${words[0] === "--port" ? words.join(" ") : words[0]}`);
    const [problem = "", ...others] = await problemsOf([...words, "--port", "1"]);
    expect(problem).toStartWith(`health-checker: ${words[0]}: `);
    expect(others).toEqual([]);
  });
}

test("the file instead of a fork's options has their three checks", async () => {
  const [, example = ""] = /^```yaml\n(.*?)^```$/ms.exec(TEXT) ?? [];
  await using folder = await tempFolder();
  const file = await folder.write("hc.yaml", example);
  const { out, status } = await runCommand(["validate", file]);
  expect({ out, status }).toEqual({ out: `${file}: valid, 3 checks`, status: 0 });
});
