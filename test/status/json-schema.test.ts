// What the JSON Schema of the status takes; test/integration/status.test.ts gives it what the commands print.

import { expect, test } from "bun:test";
import { checkStatus, hostStatus } from "../support/status.ts";
import { schemaErrors } from "../support/status-schema.ts";

test("the schema refuses what is missing or wrong, and takes fields of a later version", () => {
  const status = hostStatus({ checks: [checkStatus("it")] });
  expect(schemaErrors(JSON.stringify({ ...status, news: 1 }))).toBeNull();
  const { pid: _, ...incomplete } = status;
  for (const wrong of [
    incomplete,
    { ...status, state: "fine" },
    { ...status, startedAt: "soon" },
    { ...status, checks: [{ ...checkStatus("it"), severity: "fatal" }] },
  ]) {
    expect(schemaErrors(JSON.stringify(wrong))).not.toBeNull();
  }
});
