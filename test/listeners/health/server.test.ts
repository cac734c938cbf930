// The health listener leaves descriptors for the checks.

import { expect, test } from "bun:test";
import { connectionBound } from "../../../src/listeners/health/server.ts";

test.each([
  [undefined, undefined, 4096],
  [undefined, 1_048_576, 4096],
  [undefined, 1024, 512],
  [undefined, 1, 1],
  [10, 1024, 10],
  [100_000, 1024, 512],
  [100_000, undefined, 100_000],
])("max-connections %p with a descriptor limit of %p: %p", (asked, limit, bound) => {
  expect(connectionBound(asked, limit)).toBe(bound);
});
