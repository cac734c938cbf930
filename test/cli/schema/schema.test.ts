// schema prints the JSON Schema of a config file; test/config/schema.test.ts tests its content.

import { expect, test } from "bun:test";
import { printed, refusal, runCommand } from "../../support/command.ts";

test("schema prints a JSON Schema, and takes no argument", async () => {
  const { out, err, status } = await runCommand(["schema"]);
  expect({ err, status }).toEqual({ err: [], status: 0 });
  expect(JSON.parse(out)).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
  });
  expect(await runCommand(["schema", "--help"])).toEqual(printed(expect.stringContaining("Usage:")));
  expect(await runCommand(["schema", "x"])).toEqual(refusal(['health-checker: schema: unexpected argument "x"']));
});
