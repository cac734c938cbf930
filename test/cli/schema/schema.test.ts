// schema prints JSON Schemas; test/config/schema.test.ts and test/status/json-schema.test.ts test their content.

import { expect, test } from "bun:test";
import { printed, refusal, runCommand } from "../../support/command.ts";

test("schema prints the JSON Schema of the config file, with --status that of the status", async () => {
  const { out, err, status } = await runCommand(["schema"]);
  expect({ err, status }).toEqual({ err: [], status: 0 });
  expect(JSON.parse(out)).toMatchObject({
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
  });
  const ofStatus = await runCommand(["schema", "--status"]);
  expect({ ...ofStatus, out: JSON.parse(ofStatus.out) }).toMatchObject({
    out: { title: "health-checker's status", $ref: "#/$defs/HostStatus" },
    err: [],
    status: 0,
  });
});

test("schema takes no argument and no option of the daemon", async () => {
  expect(await runCommand(["schema", "--help"])).toEqual(printed(expect.stringContaining("Usage:")));
  expect(await runCommand(["schema", "x"])).toEqual(refusal(['health-checker: unexpected argument "x"'], "schema"));
  expect(await runCommand(["schema", "--port", "80"])).toEqual(
    refusal(["health-checker: --port: not an option of schema; it is an option of the daemon"], "schema"),
  );
});
